// SPDX-License-Identifier: Apache-2.0
// Rules for dashboards, beyond Grafana's types. Each is a function: (dashboard, all of them, what is written) -> sentences.
import { query } from './queries.mjs';

const uids = ['nstats-overview', 'nstats-pod', 'nstats-self'];
const columns = 24;
const twice = (list) => list.filter((one, i) => list.indexOf(one) !== i);
const within = (board) => board.panels.flatMap((panel) => (panel.targets ?? []).map((target) => [panel, target]));
const variablesOf = (board) => new Set(board.templating.list.map((one) => one.name));
const splitsOf = (board) => (board.templating.list.find((one) => one.name === 'split')?.options ?? [])
	.map((one) => one.value);

function identity(board, boards) {
	const said = [];
	const want = (is, text) => is || said.push(text);
	want(uids.includes(board.uid), `uid ${board.uid} is not one of ${uids.join(', ')}`);
	want(boards.filter((one) => one.uid === board.uid).length === 1, `uid ${board.uid} stands twice`);
	want(board.schemaVersion <= 42, `schemaVersion ${board.schemaVersion} is more than 42`);
	want(board.id === null, 'id is not null');
	want(board.time?.from === 'now-1h' && board.time.to === 'now', 'the range is not the last hour');
	want(board.refresh === '10s', 'it is not refreshed every 10 s');
	return said;
}

function layout(board) {
	const said = twice(board.panels.map((one) => one.id)).map((id) => `panel id ${id} stands twice`);
	said.push(...twice(board.panels.map((one) => one.title)).map((title) => `"${title}" stands twice`));
	const taken = new Map();
	let bottom = 0;
	for (const { title, gridPos: { x, y, w, h } } of board.panels) {
		if (x < 0 || x + w > columns || w < 1 || h < 1) {
			said.push(`"${title}" is not within ${columns} columns`);
		}
		bottom = Math.max(bottom, y + h);
		for (let cell = 0; cell < w * h; cell++) {
			const at = `${x + (cell % w)},${y + Math.floor(cell / w)}`;
			if (taken.has(at) && taken.get(at) !== title) {
				said.push(`"${title}" overlaps "${taken.get(at)}"`);
				break;
			}
			taken.set(at, title);
		}
	}
	if (said.length === 0 && taken.size !== columns * bottom) {
		said.push(`there are gaps: ${columns * bottom - taken.size} cells`);
	}
	return said;
}

// Whatever is called "datasource", at any depth, is the variable.
function sources(value, path = '') {
	if (value === null || typeof value !== 'object') {
		return [];
	}
	return Object.entries(value).flatMap(([key, one]) => {
		const is = key === 'datasource' && !(one?.type === 'influxdb' && one?.uid === '${datasource}');
		return is ? [`the data source at ${path}/${key} is not the variable`] : sources(one, `${path}/${key}`);
	});
}

function variables(board) {
	const said = [];
	const [first, ...others] = board.templating.list;
	if (first?.name !== 'datasource' || first.type !== 'datasource' || first.query !== 'influxdb') {
		said.push('the first variable is not the data source');
	}
	const seen = new Set();
	for (const one of others) {
		for (const [, name] of (typeof one.query === 'string' ? one.query : '').matchAll(/\$\{(\w+)/g)) {
			if (!seen.has(name)) {
				said.push(`variable ${one.name} depends on ${name}, which is not before it`);
			}
		}
		if (one.type === 'query' && !(one.multi && one.includeAll && one.allValue === '.*')) {
			said.push(`variable ${one.name} is not multi with All`);
		}
		seen.add(one.name);
	}
	return said;
}

function queries(board, _, known) {
	const context = { variables: variablesOf(board), splits: splitsOf(board) };
	const asked = [...within(board).map(([panel, target]) => [`"${panel.title}", ${target.refId}`, target]),
		...board.templating.list.filter((one) => one.type === 'query').map((one) => [`variable ${one.name}`, one])];
	const said = asked.flatMap(([where, one]) => query(one.query, known, context).map((text) => `${where}: ${text}`));
	for (const [panel, target] of within(board)) {
		for (const [, tag] of (target.alias ?? '').matchAll(/\$tag_(\w+)/g)) {
			if (!target.query.match(new RegExp(`GROUP BY .*"${tag}"`))) {
				said.push(`"${panel.title}", ${target.refId}: the alias names ${tag}, by which it is not grouped`);
			}
		}
		if (/\$__interval/.test(target.query) && panel.interval !== '10s') {
			said.push(`"${panel.title}" has no least interval of 10s`);
		}
	}
	return said;
}

// A column or series that an override or transformation names is one that a query, an alias or a renaming makes.
function matched(board) {
	return board.panels.flatMap((panel) => {
		const targets = panel.targets ?? [];
		const text = targets.map((one) => one.query).join(' ');
		const quoted = [...text.matchAll(/"([^"]+)"/g)].map((match) => match[1]);
		const made = new Set([...quoted, ...targets.map((one) => one.alias), 'Time']);
		const said = [];
		const want = (name) => made.has(name) || said.push(`"${panel.title}" names ${name}, which no query of it makes`);
		for (const { id, options } of panel.transformations ?? []) {
			[options.rowField, options.columnField, options.valueField].filter(Boolean).forEach(want);
			Object.keys({ ...options.indexByName, ...options.renameByName, ...options.excludeByName }).forEach(want);
			Object.values(options.renameByName ?? {}).forEach((name) => made.add(name));
			made.add(id === 'groupingToMatrix' ? `${options.rowField}\\${options.columnField}` : 'Time');
		}
		// names of tag values cannot be known here: "$tag_x" alone makes any
		const makesAny = targets.some((one) => /^\$tag_\w+$/.test(one.alias ?? ''));
		const columns = targets.filter((one) => one.alias?.includes('$col'))
			.flatMap((one) => [...one.query.matchAll(/ AS "([^"]+)"/g)].map((match) => one.alias.replace('$col', match[1])));
		columns.forEach((name) => made.add(name));
		for (const { matcher } of panel.fieldConfig?.overrides ?? []) {
			if (matcher.id === 'byName' && !makesAny) {
				want(matcher.options);
			}
			if (matcher.id === 'byFrameRefID' && !targets.some((one) => one.refId === matcher.options)) {
				said.push(`"${panel.title}" has an override for ${matcher.options}, which is no query of it`);
			}
		}
		return said;
	});
}

function links(board, boards) {
	const urls = [...JSON.stringify(board).matchAll(/"url":"([^"]*)"/g)].map((match) => match[1]);
	return urls.flatMap((url) => {
		const [, uid] = url.match(/^\/d\/([\w-]+)(?=\?|$)/) ?? [];
		const target = boards.find((one) => one.uid === uid);
		if (!target) {
			return [`link ${url} points to no dashboard of these`];
		}
		const own = variablesOf(board);
		const theirs = variablesOf(target);
		const passed = [...url.matchAll(/\$\{(\w+):queryparam\}/g)].map((match) => match[1]);
		const set = [...url.matchAll(/[?&]var-(\w+)=/g)].map((match) => match[1]);
		const missingHere = passed.filter((name) => !own.has(name));
		const missingThere = [...passed, ...set].filter((name) => !theirs.has(name));
		return [...missingHere.map((name) => `link ${url}: there is no variable ${name} here`),
			...missingThere.map((name) => `link ${url}: ${uid} has no variable ${name}`),
			...(url.includes('?') && !url.includes('${__url_time_range}') ? [`link ${url} forgets the range`] : [])];
	});
}

function readable(board) {
	return board.panels.filter((one) => one.type !== 'row').flatMap((panel) => [
		...(panel.fieldConfig.defaults.unit ? [] : [`"${panel.title}" has no unit`]),
		...(panel.description ? [] : [`"${panel.title}" has no description`]),
	]);
}

const rules = [identity, layout, (board) => sources(board), variables, queries, matched, links, readable];

export function complaints(boards, known) {
	const about = (board) => rules.flatMap((rule) => rule(board, boards, known)).map((text) => `${board.uid}: ${text}`);
	return boards.flatMap(about);
}
