// SPDX-License-Identifier: Apache-2.0
// What may stand in a query, so that InfluxDB 1.x, 2.x and 3 all answer it, and that it asks for what there is.
const forbidden = /\b(slimit|soffset|integral|sample|cardinality|holt_winters\w*|show series|into|select \*)\b|;/i;
const words = new Set(('select from where and or group by as fill null none time show tag values with key '
	+ 'top sum count min max mean last non_negative_derivative non_negative_difference').split(' '));
const macros = new Set(['$timeFilter', '$__interval', '$__interval_ms']);

const unique = (list) => [...new Set(list)];

function names(query, known, splits) {
	const measurements = unique([...query.matchAll(/\bFROM "([^"]*)"/g)].map((match) => match[1]));
	const wrong = measurements.filter((name) => !known[name]).map((name) => `measurement "${name}" is written by nobody`);
	if (wrong.length || measurements.length === 0) {
		return wrong.length ? wrong : ['asks no measurement'];
	}
	const there = new Set(measurements.flatMap((name) => [...known[name].tags, ...known[name].fields, name]));
	for (const match of query.matchAll(/\bAS "([^"]*)"/g)) {
		there.add(match[1]);
	}
	const quoted = [...query.matchAll(/"([^"]*)"/g)].flatMap((match) => (match[1] === '${split}' ? splits : [match[1]]));
	return unique(quoted).filter((name) => !there.has(name)).map((name) => `"${name}" is no tag or field of ${measurements}`);
}

// A word that is neither quoted nor known is a name without quotes, or a function that is not in the list.
function bare(query) {
	const rest = query.replace(/'[^']*'/g, ' ').replace(/=~ \/.*?\/(?= |$|\))|!~ \/.*?\/(?= |$|\))/g, ' ')
		.replace(/"[^"]*"/g, ' ').replace(/\$\w+/g, ' ')
		.replace(/\b\d+(?:ms|s|m|h)\b/g, ' ');
	return unique(rest.match(/[A-Za-z_]\w*/g) ?? []).filter((word) => !words.has(word.toLowerCase()))
		.map((word) => `${word} is not in the list of words that all versions of InfluxDB know`);
}

function references(query, variables) {
	const braced = [...query.matchAll(/\$\{(\w+)(:\w+)?\}/g)];
	const unknown = braced.filter((match) => !variables.has(match[1])).map((match) => `${match[0]} is no variable here`);
	const loose = (query.replace(/\$\{[^}]*\}/g, '').match(/\$\w+/g) ?? []).filter((name) => !macros.has(name))
		.map((name) => `${name} is filled in by nobody`);
	const unescaped = braced.filter((match) => match[1] !== 'split' && match[2] !== ':regex')
		.map((match) => `${match[0]} stands in a query without :regex`);
	return [...unknown, ...loose, ...unescaped];
}

// Every SELECT, also one within another, is bounded in time.
function timed(query) {
	if (/^SHOW TAG VALUES /.test(query)) {
		return [];
	}
	const selects = query.match(/\bSELECT\b/g)?.length ?? 0;
	const filters = query.match(/\$timeFilter\b/g)?.length ?? 0;
	return selects > 0 && selects === filters ? [] : [`has ${selects} SELECT and ${filters} $timeFilter`];
}

// Complaints about a query. board: {variables: set of names, splits: the values of ${split}}.
export function query(text, known, { variables, splits }) {
	const said = text.match(forbidden);
	return [...(said ? [`${said[0]} is not answered by all versions of InfluxDB`] : []),
		...timed(text), ...names(text, known, splits), ...bare(text), ...references(text, variables)];
}
