// SPDX-License-Identifier: Apache-2.0
// The tags and fields that the collector writes, read from its source: {measurement: {tags, fields}}.
import { readFileSync } from 'node:fs';

const all = (text, pattern) => [...text.matchAll(pattern)].map((match) => match[1]);

// The text from one line to the next that begins with a brace: a table, or a function.
function block(text, start) {
	const at = text.search(start);
	if (at < 0) {
		throw new Error(`${start} is not in the collector's source: this check reads it`);
	}
	return text.slice(at, text.indexOf('\n}', at));
}

function own(text, table, writer) {
	const rows = block(text, table);
	const body = block(text, writer);
	return {
		tags: all(body, /put_tag\(out, "(\w+)"/g),
		fields: [...all(rows, /\b(?:TOTAL|STAT)\((?!field\))(\w+)\)/g), ...all(rows, /\{"(\w+)"/g),
			...all(body, /put_field\(out, '[ ,]', "(\w+)"/g), ...all(body, /"[ ,](\w+)=%/g)],
	};
}

export function written(root) {
	const line = readFileSync(`${root}/collector/line.c`, 'utf8');
	const self = readFileSync(`${root}/collector/line_own.c`, 'utf8');
	const measurements = {
		nstat: { tags: all(line, /\{",(\w+)=",/g), fields: all(line, /put_\w+\(&p, "[ ,](\w+)=/g) },
		nstats_probe: own(self, /static const struct field totals_fields/, /^void line_probe/m),
		nstats_collector: own(self, /static const struct field stats_fields/, /^void line_collector/m),
	};
	for (const [name, { tags, fields }] of Object.entries(measurements)) {
		if (tags.length < 2 || fields.length < 10) {
			throw new Error(`${name}: the collector's source is not written as this check reads it`);
		}
	}
	return measurements;
}
