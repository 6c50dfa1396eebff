// Starts `septum lsp` for the files of a workspace.
"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

/** Documents of a project: layers, manifests and templates. */
const DOCUMENTS = [
  { scheme: "file", language: "yaml" },
  { scheme: "file", pattern: "**/*.j2" },
];

/** @type {LanguageClient | undefined} */
let client;

/** Starts the server, and says what to do if it does not start. */
async function start() {
  const command = workspace.getConfiguration("septum").get("path", "septum");
  const run = { command, args: ["lsp"], transport: TransportKind.stdio };
  client = new LanguageClient("septum", "Septum", { run, debug: run }, { documentSelector: DOCUMENTS });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const detail = error instanceof Error ? error.message : String(error);
    window.showErrorMessage(`\`${command}\` could not be started: ${detail}. Set \`septum.path\` to the program.`);
  }
}

/** Ends the server, if it runs. */
async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

/** Stops the server and starts it again. */
async function restart() {
  await stop();
  await start();
}

/** @param {import("vscode").ExtensionContext} context */
async function activate(context) {
  context.subscriptions.push(
    commands.registerCommand("septum.restart", restart),
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("septum.path")) {
        return restart();
      }
    }),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
