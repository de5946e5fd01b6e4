// Plain JavaScript, so that an old Node can run it and say what is wrong. On Linux and Windows the project brings its
// own Node 24 (optionalDependencies), which npm scripts find first; elsewhere one has to be installed.
if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(
    `This project needs Node 24 or newer, and ${process.version} runs it: install Node 24, or run "npm ci" again on Linux or Windows, where it comes along.\n`,
  );
  process.exit(1);
}
