// A session driven by Microsoft's client for tests of debug adapters.
// Arguments: the port of an adapter, the module with debug information, its source.
"use strict";

const { DebugClient } = require("@vscode/debugadapter-testsupport");
const assert = require("assert");

const [port, program, source] = process.argv.slice(2);

async function main() {
  const dc = new DebugClient("", "", "refsfi");
  await dc.start(Number(port));
  dc.defaultTimeout = 30000;

  await dc.hitBreakpoint({ program, invoke: "walk_out", args: ["17"] }, { path: source, line: 45 });
  const top = (await dc.stackTraceRequest({ threadId: 1 })).body.stackFrames[0];
  assert.strictEqual(top.name, "walk");
  assert.strictEqual(top.source.path, source);
  const scopes = (await dc.scopesRequest({ frameId: top.id })).body.scopes;
  assert.deepStrictEqual(scopes.map((s) => s.name).slice(0, 3), ["Variables", "Locals", "Operands"]);
  const variables = (await dc.variablesRequest({ variablesReference: scopes[0].variablesReference })).body.variables;
  assert.strictEqual(variables.find((v) => v.name === "i").value, "0");
  assert.strictEqual((await dc.evaluateRequest({ expression: "count", frameId: top.id })).body.result, "2");

  const stepped = dc.assertStoppedLocation("step", { path: source, line: 46 });
  await Promise.all([dc.nextRequest({ threadId: 1 }), stepped]);
  await Promise.all([dc.stepBackRequest({ threadId: 1 }), dc.assertStoppedLocation("step", { line: 45 })]);
  await dc.setBreakpointsRequest({ source: { path: source }, breakpoints: [] });
  await Promise.all([dc.continueRequest({ threadId: 1 }), dc.assertStoppedLocation("exception", { line: 45 })]);
  const info = await dc.send("exceptionInfo", { threadId: 1 });
  assert.strictEqual(info.body.exceptionId, "memory-out-of-bounds");
  await Promise.all([dc.reverseContinueRequest({ threadId: 1 }), dc.waitForEvent("stopped")]);
  await Promise.all([dc.continueRequest({ threadId: 1 }), dc.waitForEvent("stopped")]);
  await Promise.all([dc.continueRequest({ threadId: 1 }), dc.waitForEvent("terminated")]);
  await dc.stop();
  console.log("done");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
