import ts from 'typescript';

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Gone after compiling: nothing is loaded at run time. */
  readonly typesOnly: boolean;
  /** `import()`, `require()` or the file of a worker: the compiler does not rewrite what it names. */
  readonly atRunTime: boolean;
}

export const parse = (path: string, text: string): ts.SourceFile =>
  ts.createSourceFile(
    path,
    text,
    ts.ScriptTarget.Latest,
    true,
    path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS,
  );

export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of node.getChildren()) yield* nodesOf(child);
}

export const lineOf = (node: ts.Node): number =>
  node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;

const isTypesOnly = (clause: ts.ImportClause | undefined): boolean => {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly);
};

const text = (node: ts.Node | undefined): string | null => {
  if (node === undefined) return null;
  if (ts.isStringLiteralLike(node)) return node.text;
  return ts.isTemplateExpression(node) ? node.head.text : null;
};

const isImportMetaUrl = (node: ts.Node | undefined): boolean => node?.getText() === 'import.meta.url';

function importOf(node: ts.Node): Omit<Import, 'line'> | null {
  const named = (specifier: string | null, typesOnly: boolean, atRunTime = false) =>
    specifier === null ? null : { specifier, typesOnly, atRunTime };
  if (ts.isImportDeclaration(node)) return named(text(node.moduleSpecifier), isTypesOnly(node.importClause));
  if (ts.isExportDeclaration(node)) return named(text(node.moduleSpecifier), node.isTypeOnly);
  if (ts.isExternalModuleReference(node)) return named(text(node.expression), false);
  if (ts.isImportTypeNode(node))
    return named(ts.isLiteralTypeNode(node.argument) ? text(node.argument.literal) : null, true);
  if (ts.isCallExpression(node)) {
    const called = node.expression;
    const loads = called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && called.text === 'require');
    return loads ? named(text(node.arguments[0]), false, true) : null;
  }
  if (ts.isNewExpression(node) && node.expression.getText() === 'URL' && isImportMetaUrl(node.arguments?.[1])) {
    const path = text(node.arguments?.[0]);
    return path?.startsWith('.') === true ? named(path, false, true) : null;
  }
  return null;
}

/** Everything that a file takes from elsewhere, in whatever form it is written. */
export function importsOf(path: string, source: string): Import[] {
  const found: Import[] = [];
  for (const node of nodesOf(parse(path, source))) {
    const taken = importOf(node);
    if (taken !== null) found.push({ ...taken, line: lineOf(node) });
  }
  return found;
}
