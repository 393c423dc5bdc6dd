// SPDX-License-Identifier: Apache-2.0
// Dashboards against the types of @grafana/schema: each panel, row, variable and the rest becomes a constant of its type in
// a source file that only exists here, and the TypeScript compiler says what does not fit. It checks excess properties
// too, so a misspelt field is found.
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const here = dirname(fileURLToPath(import.meta.url));
const schema = join(dirname(createRequire(import.meta.url).resolve('@grafana/schema/package.json')), 'dist/types');
const typeOf = {
	bargauge: 'BargaugePanel', piechart: 'PiechartPanel', row: 'Row', stat: 'StatPanel', table: 'TablePanel',
	timeseries: 'TimeseriesPanel',
};
const options = {
	strict: true, noEmit: true, skipLibCheck: true, types: [], lib: ['lib.es2022.d.ts'],
	target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
};

// [what it is called, its type, its value]
function parts(board) {
	const { panels, templating, ...frame } = board;
	return [
		[`${board.uid}`, 'Frame', frame],
		...templating.list.map((one) => [`${board.uid}, variable ${one.name}`, 'Variable', one]),
		...panels.flatMap((one) => (one.type === 'row' ? [{ ...one, panels: [] }, ...one.panels] : [one]))
			.map((one) => [`${board.uid}, "${one.title}"`, typeOf[one.type] ?? 'never', one]),
	];
}

// The compiler's parsed library and schema files, which do not change from one call to the next.
const parsed = new Map();

function host(files) {
	const real = ts.createCompilerHost(options);
	const get = (name, version) => {
		const text = files.get(resolve(name));
		if (text !== undefined) {
			return ts.createSourceFile(name, text, version, true);
		}
		if (!parsed.has(name)) {
			parsed.set(name, real.getSourceFile(name, version));
		}
		return parsed.get(name);
	};
	return {
		...real, getSourceFile: get,
		fileExists: (name) => files.has(resolve(name)) || real.fileExists(name),
		readFile: (name) => files.get(resolve(name)) ?? real.readFile(name),
	};
}

// What does not fit, a sentence each.
export function misfits(boards) {
	const declared = boards.flatMap(parts);
	const lines = declared.map(([, type, value], i) => `export const v${i}: t.${type} = ${JSON.stringify(value)};`);
	const main = join(here, 'generated.ts');
	const panels = ts.sys.readFile(join(here, 'panels.ts')).replaceAll('./schema/', `${schema}/`);
	const files = new Map([
		[main, ["import type * as t from './checked';", ...lines].join('\n')],
		[join(here, 'checked.ts'), panels],
	]);
	const program = ts.createProgram([main], options, host(files));
	return ts.getPreEmitDiagnostics(program).map((one) => {
		const text = ts.flattenDiagnosticMessageText(one.messageText, ' ').replace(/\s+/g, ' ');
		if (one.file?.fileName !== main) {
			return `${one.file?.fileName ?? 'types'}: ${text}`;
		}
		const { line } = one.file.getLineAndCharacterOfPosition(one.start);
		const near = one.file.text.slice(one.start, one.start + 60).split('\n')[0];
		return `${declared[line - 1][0]}: ${text.slice(0, 300)} (at ${near})`;
	});
}
