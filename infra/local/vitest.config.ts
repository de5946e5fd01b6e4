// oxlint-disable-next-line import/no-default-export -- vitest reads its configuration from the default export
export { default } from '../../vitest.config.ts';
