// SPDX-License-Identifier: Apache-2.0
// Checks that are checked: each copy of an object that lacks one field or item, or says something else in one place. A copy of
// which no check complains is a promise that nobody holds, or a free choice, and the latter are listed.

const isTree = (value) => value !== null && typeof value === "object";
const other = { string: (text) => `${text}x`, number: (n) => n + 1, boolean: (is) => !is };

// In a list, what has a name is called by it.
const step = (parent, key) => (Array.isArray(parent) ? parent[key]?.name ?? key : key);

function* places(value, keys = [], path = []) {
	for (const key of Object.keys(value)) {
		const here = [[...keys, key], [...path, step(value, key)]];
		yield here;
		if (isTree(value[key])) yield* places(value[key], ...here);
	}
}

// [path, "without" or the new value, the copy]
export function* mutants(object) {
	for (const [keys, path] of places(object)) {
		const change = (act) => {
			const copy = structuredClone(object);
			act(keys.slice(0, -1).reduce((at, key) => at[key], copy), keys.at(-1));
			return copy;
		};
		const where = path.join(".");
		yield [where, "without", change((parent, key) => (Array.isArray(parent) ? parent.splice(key, 1) : delete parent[key]))];
		const value = keys.reduce((at, key) => at[key], object);
		if (!isTree(value) && value !== null) {
			const changed = other[typeof value](value);
			yield [where, changed, change((parent, key) => (parent[key] = changed))];
		}
	}
}

export async function hasFault(find) {
	try {
		for await (const _ of find()) return true;
		return false;
	} catch {
		return true; // what a check trips over is not what it expects
	}
}

// What is said of the mutants that no check finds, and of free choices that are none: `free` is a list of expressions that
// match "NAME PATH: CHANGE".
export async function* unnoticed(name, object, check, free) {
	if (await hasFault(() => check(object))) return yield `${name} is broken as it is`;
	for (const [path, change, copy] of mutants(object)) {
		const where = `${name} ${path}: ${change}`;
		if (free.some((choice) => choice.test(where))) continue;
		if (!(await hasFault(() => check(copy)))) yield `not noticed: ${where}`;
	}
}
