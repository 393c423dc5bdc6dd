// SPDX-License-Identifier: Apache-2.0
// grafana/: dashboards against Grafana's own types and this repository's rules, provisioning against the dashboards, every
// tag and field against what the collector writes. Then the same of copies that are broken: each must be found.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { complaints as boardComplaints } from './grafana/boards.mjs';
import { complaints as otherComplaints, load } from './grafana/provisioning.mjs';
import { written } from './grafana/schema.mjs';
import { breaks } from './grafana/selftest.mjs';
import { misfits } from './grafana/types.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const folder = `${root}/grafana`;
const known = written(root);
const names = readdirSync(`${folder}/dashboards`);
const boards = names.map((name) => JSON.parse(readFileSync(`${folder}/dashboards/${name}`, 'utf8')));
const files = load(folder);
let failed = 0;

function report(name, said) {
	console.log([`${said.length ? 'FAIL' : 'ok'} ${name}`, ...said].join('\n'));
	failed += said.length > 0;
}

function missed() {
	return breaks.flatMap(([what, how, expected]) => {
		const [b, f] = [structuredClone(boards), structuredClone(files)];
		how(b, f);
		const said = [...boardComplaints(b, known), ...otherComplaints(f, b, known, folder)];
		const found = [...said, ...(said.some((text) => expected.test(text)) ? [] : misfits(b))];
		const instead = found.slice(0, 3).join(' | ') || 'nothing';
		return found.some((text) => expected.test(text)) ? [] : [`not found: ${what}; said instead: ${instead}`];
	});
}

function unformatted(name) {
	const text = readFileSync(`${folder}/dashboards/${name}`, 'utf8');
	const is = text === `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
	return is ? [] : [`${name} is not written with two spaces and a final newline`];
}

report('grafana/dashboards-fit-the-types-of-grafana-schema', misfits(boards));
report('grafana/dashboards-keep-to-the-rules', [...names.flatMap(unformatted), ...boardComplaints(boards, known)]);
report('grafana/provisioning-fits-the-dashboards', otherComplaints(files, boards, known, folder));
report(`grafana/each-of-${breaks.length}-broken-copies-is-found`, missed());
process.exit(failed ? 1 : 0);
