// SPDX-License-Identifier: Apache-2.0
// Is an object what the API server would take, no field misspelt? Types, enumerations and required fields by the schemas of
// kubernetes-models, which say nothing of fields that they do not know; those by the attribute maps of @kubernetes/client-node.
// The two kinds that are not Kubernetes' own are held to what we use of them.
import Ajv2019 from "ajv/dist/2019.js";
import { called } from "./render.mjs";

// not by its package's name: what the package exports loads an HTTP client that wants a newer node
const models = await import(new URL("../node_modules/@kubernetes/client-node/dist/gen/models/all.js", import.meta.url));

const text = { type: "string" };
const texts = { type: "object", additionalProperties: text };
const closed = (properties, required = Object.keys(properties)) => ({ type: "object", properties, required, additionalProperties: false });
const listOf = (items) => ({ type: "array", items, minItems: 1 });
const metadata = closed({ name: text, namespace: text, labels: texts, annotations: texts }, ["name"]);
const selector = closed({
	matchLabels: texts,
	matchExpressions: listOf(closed({
		key: text, operator: { enum: ["In", "NotIn", "Exists", "DoesNotExist"] }, values: listOf(text),
	}, ["key", "operator"])),
}, []);
const condition = closed({ key: text, operator: { enum: ["Equals", "NotEquals", "AnyIn", "AllIn", "AnyNotIn", "AllNotIn"] }, value: {} });
const rule = closed({
	name: { type: "string", maxLength: 63 },
	match: closed({ any: listOf(closed({ resources: closed({
		kinds: listOf(text), operations: listOf({ enum: ["CREATE", "UPDATE"] }), namespaceSelector: selector,
	}, ["kinds"]) })) }),
	preconditions: closed({ all: listOf(condition) }),
	mutate: closed({ patchStrategicMerge: { type: "object" } }),
});
const ajv = new Ajv2019({ allErrors: true });
const FOREIGN = {
	"kyverno.io/v1 ClusterPolicy": ajv.compile(closed({
		apiVersion: text, kind: text, metadata,
		spec: closed({ background: { type: "boolean" }, failurePolicy: { enum: ["Ignore", "Fail"] }, rules: listOf(rule) }),
	})),
	"monitoring.coreos.com/v1 PodMonitor": ajv.compile(closed({
		apiVersion: text, kind: text, metadata,
		spec: closed({ selector, podMetricsEndpoints: listOf(closed({ port: text, path: text, interval: text })) }),
	})),
};

const SCALARS = { string: ["string"], number: ["number"], boolean: ["boolean"], Date: ["string"], IntOrString: ["number", "string"] };

function* unknownFields(value, type, path) {
	const list = type.match(/^Array<(.+)>$/);
	const map = type.match(/^\{ \[key: string\]: (.+); \}$/);
	if (list) {
		if (!Array.isArray(value)) return yield `${path} is not a list`;
		for (const [i, item] of value.entries()) yield* unknownFields(item, list[1], `${path}[${i}]`);
	} else if (value === null || type === "any" || type === "object") {
		if (value === null) yield `${path} is empty`;
	} else if (SCALARS[type]) {
		if (!SCALARS[type].includes(typeof value)) yield `${path} is a ${typeof value}, not ${SCALARS[type].join(" or ")}`;
	} else if (typeof value !== "object" || Array.isArray(value)) {
		yield `${path} is not an object`;
	} else {
		const fields = map ? null : new Map(models[type].getAttributeTypeMap().map((field) => [field.baseName, field.type]));
		for (const [name, inner] of Object.entries(value)) {
			const known = map ? map[1] : fields.get(name);
			if (known) yield* unknownFields(inner, known, `${path}.${name}`);
			else yield `${path}.${name} is unknown`;
		}
	}
}

async function* faultsOfModel(object) {
	const { apiVersion, kind } = object;
	try {
		const Model = (await import(`kubernetes-models/${apiVersion}`))[kind];
		new Model(object).validate();
	} catch (error) {
		yield error.message;
	}
}

export async function* faults(object) {
	const name = called(object);
	const foreign = FOREIGN[`${object.apiVersion} ${object.kind}`];
	if (foreign) {
		if (!foreign(object)) yield* foreign.errors.map((error) => `${name}: ${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`);
		return;
	}
	const version = String(object.apiVersion).split("/").pop();
	const type = version.replace(/^v/, "V") + object.kind;
	if (!models[type]) return yield `${name}: there is no ${object.apiVersion} ${object.kind}`;
	for await (const fault of faultsOfModel(object)) yield `${name}: ${fault}`;
	for (const fault of unknownFields(object, type, object.kind)) yield `${name}: ${fault}`;
}
