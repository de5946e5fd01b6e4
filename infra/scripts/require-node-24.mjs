// Plain JavaScript, so that an old Node can run it. On Linux and Windows `npm ci` installs Node 24 (optionalDependencies),
// which npm scripts find first. No package carries it for macOS.
if (Number(process.versions.node.split('.')[0]) < 24) {
  const remedy =
    process.platform === 'darwin'
      ? 'Install Node 24 with "brew install node@24" or "nvm install" (.node-version names the version).'
      : 'Run "npm ci" again, which installs Node 24 on Linux and Windows, or install Node 24.';
  process.stderr.write(`This project needs Node 24 or newer; this is Node ${process.version}. ${remedy}\n`);
  process.exit(1);
}
