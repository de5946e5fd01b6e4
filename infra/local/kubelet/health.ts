import type { HealthControls } from './container-machine.ts';
import { startProbe } from './probe.ts';
import type { ProbeContext, ProbeKind } from './probe.ts';
import type { Probe } from './types.ts';

export interface HealthOptions {
  readonly context: ProbeContext;
  readonly eagerMs: number;
  readonly controls: HealthControls;
  readonly unhealthy: (message: string) => void;
}

/** Runs a started container's probes: the startup probe first, the others once it has succeeded. Returns how to stop them. */
export function watchHealth({ context, eagerMs, controls, unhealthy }: HealthOptions): () => void {
  const { name, startupProbe, readinessProbe, livenessProbe } = context.container;
  const stops: (() => void)[] = [];
  function run(kind: ProbeKind, probe: Probe, eager: number, onChange: (healthy: boolean) => void): void {
    stops.push(startProbe(context, { kind, probe, eagerMs: eager, onFailure: unhealthy, onChange }));
  }
  function killWhenFailed(kind: string) {
    return (healthy: boolean): void => {
      if (!healthy) controls.kill(`Container ${name} failed ${kind} probe, will be restarted`);
    };
  }

  function afterStart(): void {
    controls.setStarted();
    if (readinessProbe === undefined) controls.setReady(true);
    else run('Readiness', readinessProbe, eagerMs, controls.setReady.bind(controls));
    // Failures before the first success count: no haste, or a slow start would be killed.
    if (livenessProbe !== undefined)
      run('Liveness', livenessProbe, Number.POSITIVE_INFINITY, killWhenFailed('liveness'));
  }
  if (startupProbe === undefined) afterStart();
  else {
    run('Startup', startupProbe, eagerMs, (healthy) => {
      stops.shift()?.();
      if (healthy) afterStart();
      else killWhenFailed('startup')(false);
    });
  }
  return () => {
    for (const stop of stops) stop();
  };
}
