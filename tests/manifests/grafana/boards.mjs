// SPDX-License-Identifier: Apache-2.0
// Rules for dashboards, beyond Grafana's types. Each is a function: (dashboard, all of them, what is written) -> sentences.
import { query } from './queries.mjs';

const uids = ['nstats-overview', 'nstats-pod', 'nstats-self'];
const columns = 24;
const twice = (list) => list.filter((one, i) => list.indexOf(one) !== i);
const units = ['bps', 'pps', 'cps', 'decbytes', 'bytes', 'ms', 's', 'µs', 'percentunit', 'short'];
const panelsOf = (board) => board.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
const within = (board) => panelsOf(board).flatMap((panel) => (panel.targets ?? []).map((target) => [panel, target]));
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
	// half an hour of whole minutes, so that no step at the edge is cut; the newest is 30 s old, and complete
	const is = board.time?.from === 'now-29m-90s/m' && board.time.to === 'now-90s/m';
	want(is, 'the range is not the last 30 whole minutes');
	want(board.refresh === '1m', 'it is not refreshed each minute');
	return said;
}

// Panels from a line downwards, without a gap: all of a dashboard, or those in a folded row.
function tiles(panels, top) {
	const said = [];
	const taken = new Map();
	let bottom = top;
	for (const { title, gridPos: { x, y, w, h } } of panels) {
		if (x < 0 || x + w > columns || y < top || w < 1 || h < 1) {
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
	if (said.length === 0 && taken.size !== columns * (bottom - top)) {
		said.push(`there are gaps: ${columns * (bottom - top) - taken.size} cells`);
	}
	return said;
}

// A folded row holds its panels, which Grafana does not ask for; an open one is followed by them.
function layout(board) {
	const all = panelsOf(board);
	const rows = board.panels.filter((one) => one.type === 'row');
	return [
		...twice(all.map((one) => one.id)).map((id) => `panel id ${id} stands twice`),
		...twice(all.map((one) => one.title)).map((title) => `"${title}" stands twice`),
		...rows.filter((one) => one.collapsed !== one.panels.length > 0).map((one) => `row "${one.title}" is neither open nor folded`),
		...tiles(board.panels, 0),
		...rows.filter((one) => one.panels.length).flatMap((one) => tiles(one.panels, one.gridPos.y + 1)),
	];
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
		if (panel.interval !== '${step}' && panel.interval !== '2m') {
			said.push(`"${panel.title}" has another least interval than the variable "step"`);
		}
	}
	return said;
}

const asRegex = (text) => new RegExp(text.replace(/^\/|\/$/g, ''));

// A column or series that an override or transformation names is one that a query, an alias or a renaming makes.
function matched(board) {
	return panelsOf(board).flatMap((panel) => {
		const targets = panel.targets ?? [];
		const text = targets.map((one) => one.query).join(' ');
		const quoted = [...text.matchAll(/"([^"]+)"/g)].map((match) => match[1]);
		const made = new Set([...quoted, ...targets.map((one) => one.alias), 'Time']);
		const said = [];
		const want = (name) => made.has(name) || said.push(`"${panel.title}" names ${name}, which no query of it makes`);
		for (const { id, options } of panel.transformations ?? []) {
			const named = [options.rowField, options.columnField, options.valueField, options.value, ...(options.join ?? [])];
			named.filter(Boolean).forEach(want);
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
			if (matcher.id === 'byRegexp' && !makesAny && ![...made].some((name) => asRegex(matcher.options).test(name))) {
				said.push(`"${panel.title}" has an override for ${matcher.options}, which no query of it makes`);
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

const unitsOf = ({ fieldConfig: { defaults, overrides } }) => [defaults.unit,
	...overrides.flatMap((one) => one.properties).filter((one) => one.id === 'unit').map((one) => one.value)];

// What a query makes, as far as its text shows, and the units that say so.
const makes = [
	[/bytes"\)\)? \* 8000\.0 |bytes"\)\)? \* 8\.0 |_bytes"\), 1s\) \* 8\.0/, ['bps']],
	[/_packets"\) \* 1000\.0 /, ['pps']],
	[/^SELECT (top|sum)\(.* AS "bytes" FROM/, ['decbytes', 'bytes']],
	[/"captured_bytes"\) - min/, ['percentunit']],
	[/"cpu_us"\), 1s/, ['percentunit']],
	[/"rss_bytes"/, ['bytes']],
	[/"rtt_us"/, ['µs']],
	[/"(commit|delivery)_ms"/, ['ms']],
];

function wrongUnits(panel) {
	const [unit] = unitsOf(panel);
	const found = panel.type === 'table' ? [] : makes.filter(([made]) => panel.targets.some((one) => made.test(one.query)));
	return found.filter(([, allowed]) => !allowed.includes(unit))
		.map(([, allowed]) => `"${panel.title}" has the unit "${unit}", and its query makes ${allowed.join(' or ')}`);
}

function readable(board) {
	return panelsOf(board).filter((one) => one.type !== 'row').flatMap((panel) => [
		...unitsOf(panel).filter((unit) => !units.includes(unit)).map((unit) => `"${panel.title}" has the unit "${unit}"`),
		...wrongUnits(panel),
		...(panel.description ? [] : [`"${panel.title}" has no description`]),
	]);
}

const rules = [identity, layout, (board) => sources(board), variables, queries, matched, links, readable];

export function complaints(boards, known) {
	const about = (board) => rules.flatMap((rule) => rule(board, boards, known)).map((text) => `${board.uid}: ${text}`);
	return boards.flatMap(about);
}
