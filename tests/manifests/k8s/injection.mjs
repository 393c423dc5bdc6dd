// SPDX-License-Identifier: Apache-2.0
// What we promise of the two policies that put the probe into pods: which pods get it, and what else they leave alone.
import { isDeepStrictEqual } from "node:util";
import { byAdmissionPolicy, byKyverno } from "./policies.mjs";
import { documents, podSpec, readObjects } from "./render.mjs";
import { faults } from "./strict.mjs";

const copy = (object, change) => {
	const result = structuredClone(object);
	change(result);
	return result;
};

// A pod, its namespace's labels, and whether the probe belongs into it.
const [example] = readObjects("k8s/examples/pod.yaml");
const plain = copy(example, ({ spec }) => delete spec.initContainers);
const withInit = (...containers) => copy(plain, ({ spec }) => (spec.initContainers = containers));
const ENFORCE = "pod-security.kubernetes.io/enforce";
const enforced = (level) => ({ "nstats.io/inject": "enabled", [ENFORCE]: level });
const enabled = enforced("privileged");
const CASES = {
	"plain": [plain, enabled, true],
	"in a namespace that did not ask": [plain, { [ENFORCE]: "privileged" }, false],
	"in a namespace that asked for something else": [plain, { "nstats.io/inject": "disabled", [ENFORCE]: "privileged" }, false],
	"where Pod Security is the cluster's": [plain, { "nstats.io/inject": "enabled" }, false],
	"where Pod Security is baseline": [plain, enforced("baseline"), false],
	"where Pod Security is restricted": [plain, enforced("restricted"), false],
	"with annotations": [copy(plain, ({ metadata }) => (metadata.annotations = { other: "false" })), enabled, true],
	"that asks itself": [copy(plain, ({ metadata }) => (metadata.annotations = { "nstats.io/inject": "true" })), enabled, true],
	"that opted out": [copy(plain, ({ metadata }) => (metadata.annotations = { "nstats.io/inject": "false" })), enabled, false],
	"on the host network": [copy(plain, ({ spec }) => (spec.hostNetwork = true)), enabled, false],
	"that says it is not": [copy(plain, ({ spec }) => (spec.hostNetwork = false)), enabled, true],
	"with init containers": [withInit({ name: "a", image: "a:1" }, { name: "b", image: "b:1" }), enabled, true],
	"with a sidecar of its own": [withInit({ name: "mesh", image: "m:1", restartPolicy: "Always" }), enabled, true],
	"with the probe already": [example, enabled, false],
	"with the probe as a container": [readObjects("k8s/examples/pod-classic.yaml")[0], enabled, false],
	"for Linux": [copy(plain, ({ spec }) => (spec.os = { name: "linux" })), enabled, true],
	"for Windows": [copy(plain, ({ spec }) => (spec.os = { name: "windows" })), enabled, false],
};

export const POLICIES = ["policy", "kyverno"];
const ADMIT = {
	policy: (objects, pod, labels) => byAdmissionPolicy(["", "Binding"].map((end) =>
		objects.find(({ kind }) => kind === `MutatingAdmissionPolicy${end}`)), pod, labels),
	kyverno: ([policy], pod, labels) => byKyverno(policy, pod, labels),
};

export const admitted = (policy, objects) => ADMIT[policy](objects, plain, enabled);

export async function* faultsOfPolicy(policy, objects, sidecar) {
	yield* faultsOfReach[policy](objects, sidecar);
	const admit = (pod, labels) => ADMIT[policy](objects, pod, labels);
	for (const [what, [pod, labels, wants]] of Object.entries(CASES)) {
		const before = podSpec(pod).initContainers ?? [];
		const result = admit(pod, labels);
		const expected = wants ? copy(pod, ({ spec }) => (spec.initContainers = [sidecar, ...before])) : pod;
		if (!isDeepStrictEqual(result, expected)) yield `a pod ${what}: ${JSON.stringify(result.spec.initContainers)}`;
		for await (const fault of faults(result)) yield `a pod ${what}: ${fault}`;
		if (!isDeepStrictEqual(admit(result, labels), result)) yield `a pod ${what}: the second time changes it again`;
	}
}

// A monitor that cannot start must not keep the app from starting; and pods that run are left alone, as are templates, where what
// differs from its source is drift.
const faultsOfReach = {
	*policy([policy, binding]) {
		if (policy.spec.failurePolicy !== "Ignore") yield `failurePolicy ${policy.spec.failurePolicy}`;
		if (policy.spec.reinvocationPolicy !== "IfNeeded") yield "what comes later can take the probe's first place";
		if (binding.spec.policyName !== policy.metadata.name) yield "the binding is another policy's";
		if (Object.keys(binding.spec.matchResources).join() !== "namespaceSelector") yield "the binding looks at more than the namespace";
		const rules = JSON.stringify(policy.spec.matchConstraints);
		if (rules !== '{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods"]}]}') yield rules;
	},
	*kyverno([{ metadata, spec }], sidecar) {
		if (!isDeepStrictEqual(spec.rules[0].mutate.patchStrategicMerge, { spec: { initContainers: [sidecar] } })) yield "it puts in something else";
		if (spec.failurePolicy !== "Ignore") yield `failurePolicy ${spec.failurePolicy}`;
		if (spec.background !== false) yield "pods that run are looked at";
		if (spec.rules.length !== 1 || spec.rules[0].match.any[0].resources.operations.join() !== "CREATE") yield "not for CREATE only";
		if (metadata.annotations["pod-policies.kyverno.io/autogen-controllers"] !== "none") yield "templates are changed too";
	},
};

// A copy of the policy's file, broken in one place.
export const brokenPolicies = (policy, whole, sidecar, changes) => Object.fromEntries(Object.entries(changes).map(([what, [from, to]]) =>
	[`${policy}: ${what}`, [(text) => faultsOfPolicy(policy, documents(text), sidecar), whole.replace(from, to), whole]]));
