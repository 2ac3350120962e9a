import ts from 'typescript';
import { isTest, type Fault, type Files } from './source-files.js';
import { lineOf, nodesOf, parse } from './syntax.js';

const isNamed = (node: ts.Node, name: string): boolean => ts.isIdentifier(node) && node.text === name;

/** A name that is only a label here: `.console`, `{ console: 1 }`, a parameter of a type. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent) || ts.isMethodDeclaration(parent))
    return parent.name !== node;
  return !ts.isTypeNode(parent) && !ts.isPropertySignature(parent) && !ts.isQualifiedName(parent);
}

/** Reads a clock, waits by the wall, draws lots, or touches the world. */
const IMPURE = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'performance',
  'console',
  'process',
  'globalThis',
  'crypto',
  'fetch',
  'asyncScheduler',
  'asapScheduler',
  'animationFrameScheduler',
]);

/** RxJS operators that go by the wall clock unless a scheduler is handed in, and where that argument stands. */
const TIMED = new Map([
  ...[
    'timer',
    'interval',
    'delay',
    'debounceTime',
    'throttleTime',
    'auditTime',
    'sampleTime',
    'bufferTime',
    'windowTime',
  ].map((name) => [name, 2] as const),
  ...['timestamp', 'timeInterval'].map((name) => [name, 1] as const),
]);

function namesFromRxjs(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement) || !/^rxjs(\/|$)/.test((statement.moduleSpecifier as ts.StringLiteral).text))
      continue;
    const bindings = statement.importClause?.namedBindings;
    if (bindings !== undefined && ts.isNamedImports(bindings))
      for (const { name } of bindings.elements) names.add(name.text);
  }
  return names;
}

function impurityOf(node: ts.Node, fromRxjs: ReadonlySet<string>): string | null {
  if (ts.isPropertyAccessExpression(node)) {
    const whole = `${node.expression.getText()}.${node.name.text}`;
    if (whole === 'Date.now' || whole === 'Math.random') return whole;
  }
  if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && isNamed(node.expression, 'Date')) return 'Date';
  if (ts.isIdentifier(node) && IMPURE.has(node.text) && isReference(node)) return node.text;
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    const { text } = node.expression;
    const needed = TIMED.get(text);
    if (needed !== undefined && fromRxjs.has(text) && node.arguments.length < needed)
      return `${text} without a scheduler`;
  }
  return null;
}

/** Core reads no clock, no random number and no world: time comes in with the readings and with a scheduler. */
export function impureCoreFaults(sources: Files): Fault[] {
  const faults: Fault[] = [];
  for (const [path, text] of sources) {
    if (!path.startsWith('libs/core/') || isTest(path)) continue;
    const source = parse(path, text);
    const fromRxjs = namesFromRxjs(source);
    for (const node of nodesOf(source)) {
      const word = impurityOf(node, fromRxjs);
      if (word !== null)
        faults.push(`${path}:${lineOf(node)} core may not use ${word}: take a time or a clock as an argument`);
    }
  }
  return faults;
}

const MAY_READ_ENVIRONMENT = /^(libs\/runtime|tools|tests)\/|^[^/]+$|\.(spec|suite)\.tsx?$/;

/** Settings are declared once, in classes that libs/runtime fills. */
export function environmentFaults(sources: Files): Fault[] {
  const faults: Fault[] = [];
  for (const [path, text] of sources) {
    if (MAY_READ_ENVIRONMENT.test(path)) continue;
    for (const node of nodesOf(parse(path, text))) {
      const read =
        ((ts.isPropertyAccessExpression(node) && node.name.text === 'env') ||
          (ts.isElementAccessExpression(node) && node.argumentExpression.getText().slice(1, -1) === 'env')) &&
        isNamed(node.expression, 'process');
      const imported =
        ts.isImportDeclaration(node) &&
        (node.moduleSpecifier as ts.StringLiteral).text.replace('node:', '') === 'process';
      const taken =
        ts.isVariableDeclaration(node) && node.initializer !== undefined && isNamed(node.initializer, 'process');
      if (read || imported || taken)
        faults.push(`${path}:${lineOf(node)} only libs/runtime reads the environment: declare a setting`);
    }
  }
  return faults;
}

/** A file that only hands on what others define ties everyone to everyone. */
export function barrelFaults(sources: Files): Fault[] {
  const faults: Fault[] = [];
  for (const [path, text] of sources) {
    const { statements } = parse(path, text);
    const handsOn = statements.filter(
      (statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined,
    );
    const handsOnAll = handsOn.some(
      (statement) => ts.isExportDeclaration(statement) && statement.exportClause === undefined,
    );
    if (handsOnAll || (handsOn.length > 0 && handsOn.length === statements.length))
      faults.push(`${path} only hands on: import from the file that defines a thing`);
  }
  return faults;
}
