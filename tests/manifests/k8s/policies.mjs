// SPDX-License-Identifier: Apache-2.0
// What the two injection policies do to a pod in a namespace, worked out here: CEL by @marcbachmann/cel-js, JSON Patch by hand
// (RFC 6902, as far as the policy uses it), JMESPath by jmespath, and Kyverno's merge by kustomize, whose library it uses.
import { Environment } from "@marcbachmann/cel-js";
import jmespath from "jmespath";
import { isSelected } from "./network.mjs";
import { patched } from "./render.mjs";

const TYPE = "type of the message";
const cel = (expression, context, homogeneousAggregateLiterals) =>
	new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals, enableOptionalTypes: true }).evaluate(expression, context);

// cel-js knows no messages: Type{field: value} becomes a map that keeps the type's name.
const withoutMessages = (expression) => expression
	.replace(/\b([A-Z]\w*(?:\.\w+)*)\{/g, `{"${TYPE}": "$1", `)
	.replace(/([{,]\s*)([A-Za-z]\w*):/g, '$1"$2":');

// As the API server does: a message's type is its parent's and the field's name. A map is one type of value.
function checkedValue(value, type) {
	if (typeof value === "bigint") return Number(value);
	if (Array.isArray(value)) return value.map((item) => checkedValue(item, type));
	if (value === null || typeof value !== "object") return value;
	const { [TYPE]: own, ...fields } = value;
	if (own && own !== type) throw new Error(`${own} where ${type} belongs`);
	if (!own && new Set(Object.values(fields).map((field) => typeof field)).size > 1) throw new Error(`${type} is a map of several types`);
	return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, checkedValue(field, `${type}.${name}`)]));
}

// "add", the only operation here: a member, an item before the one at that index, or - for the end.
export function jsonPatch(object, operations) {
	const result = structuredClone(object);
	for (const { op, path, value } of operations) {
		if (op !== "add") throw new Error(`${op} is not expected here`);
		const keys = path.split("/").slice(1).map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
		const last = keys.pop();
		const parent = keys.reduce((at, key) => at?.[key], result);
		if (parent === undefined) throw new Error(`${path}: what it is in does not exist`);
		if (Array.isArray(parent)) parent.splice(last === "-" ? parent.length : Number(last), 0, value);
		else parent[last] = value;
	}
	return result;
}

// [MutatingAdmissionPolicy, its binding], a pod, its namespace's labels: the pod as it is admitted.
export function byAdmissionPolicy([policy, binding], pod, labels) {
	if (!isSelected(binding.spec.matchResources.namespaceSelector, labels)) return pod;
	for (const { name, expression } of policy.spec.matchConditions) {
		const matches = cel(expression, { object: pod }, true);
		if (typeof matches !== "boolean") throw new Error(`${name} is not a bool`);
		if (!matches) return pod;
	}
	// after the conditions, which do not see them
	const variables = Object.fromEntries(policy.spec.variables.map(({ name, expression }) => [name, cel(expression, { object: pod }, true)]));
	return policy.spec.mutations.reduce((object, { patchType, jsonPatch: patch }) => {
		if (patchType !== "JSONPatch") throw new Error(`${patchType} cannot be worked out here`);
		const operations = cel(withoutMessages(patch.expression), { object, variables }, false).map(({ [TYPE]: type, op, path, value }) => {
			if (type !== "JSONPatch") throw new Error(`${type} where JSONPatch belongs`);
			const place = path.split("/").filter((key) => !/^(\d+|-)$/.test(key)).slice(1);
			return { op, path, value: checkedValue(value, ["Object", ...place].join(".")) };
		});
		return jsonPatch(object, operations);
	}, pod);
}

const OPERATORS = {
	Equals: (key, value) => key === value,
	NotEquals: (key, value) => key !== value,
	AllNotIn: (key, value) => ![key].flat().some((one) => [value].flat().includes(one)),
};

// {{ JMESPath }} as the whole of a text is the value, else text.
const substituted = (text, request) => {
	const [, expression] = typeof text === "string" ? text.match(/^\{\{(.*)\}\}$/s) ?? [] : [];
	return expression === undefined ? text : jmespath.search({ request }, expression.trim());
};

// Kyverno's ClusterPolicy; otherwise as above.
export function byKyverno(policy, pod, labels) {
	return policy.spec.rules.reduce((object, { match, preconditions, mutate }) => {
		const isMatched = match.any.some(({ resources }) => resources.kinds.includes("Pod") && isSelected(resources.namespaceSelector, labels))
			&& preconditions.all.every(({ key, operator, value }) =>
				OPERATORS[operator](substituted(key, { object }), substituted(value, { object })));
		return isMatched ? patched(object, mutate.patchStrategicMerge) : object;
	}, pod);
}
