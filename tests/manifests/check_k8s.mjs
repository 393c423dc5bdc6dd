// SPDX-License-Identifier: Apache-2.0
// check_k8s.mjs BUILD_DIR: all of k8s/ as kubectl renders it. Each object is one that the API server takes, with no field
// misspelt; the promises of k8s/promises.mjs hold; the sidecar is one and the same in its five forms, and stands first; the
// policies put it into the pods that want it; Pod Security takes the collector, and of the probe refuses NET_RAW alone. Then
// copies that each break something, since a check that cannot fail checks nothing.
import { isDeepStrictEqual } from "node:util";
import * as podsecurity from "./k8s/podsecurity.mjs";
import { byAdmissionPolicy, byKyverno, jsonPatch } from "./k8s/policies.mjs";
import * as promises from "./k8s/promises.mjs";
import { called, documents, kubectlIsMissing, podSpec, readObjects, readText, render } from "./k8s/render.mjs";
import { faults } from "./k8s/strict.mjs";

const RENDERED = ["k8s/base", "k8s/overlays/demo", "k8s/overlays/production",
	...["native", "classic", "monitored"].map((name) => `tests/manifests/k8s/${name}`)];
const FILES = ["k8s/inject/mutatingadmissionpolicy.yaml", "k8s/inject/kyverno.yaml", "k8s/examples/pod.yaml", "k8s/examples/pod-classic.yaml"];
const KINDS = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"];

let failed = 0;
async function check(name, find) {
	const found = [];
	try {
		for await (const fault of find()) found.push(fault);
	} catch (error) {
		found.push(error.stderr || error.stack);
	}
	console.log(found.length ? `FAIL k8s/${name}\n${found.join("\n")}` : `ok k8s/${name}`);
	failed += found.length > 0;
}

const copy = (object, change) => {
	const result = structuredClone(object);
	change(result);
	return result;
};
const sidecar = (spec) => [...(spec.initContainers ?? []), ...spec.containers].find(({ name }) => name === "nstats-probe");

const missing = kubectlIsMissing();
const rendered = new Map(missing ? [] : RENDERED.map((path) => [path, null]));

await check("files_are_what_the_api_server_takes", async function* () {
	for (const path of FILES) for (const object of readObjects(path)) for await (const fault of faults(object)) yield `${path}: ${fault}`;
});

if (missing) {
	console.log(`skip k8s/rendered: ${missing}`);
	process.exit(failed ? 1 : 0);
}

await check("every_overlay_and_component_renders", function* () {
	for (const path of rendered.keys()) {
		rendered.set(path, render(path));
		if (!rendered.get(path).length) yield `${path}: nothing`;
	}
});
if (failed) process.exit(1);

const base = rendered.get("k8s/base");
const demo = rendered.get("k8s/overlays/demo");
const native = rendered.get("tests/manifests/k8s/native");
const classic = rendered.get("tests/manifests/k8s/classic");
const monitored = rendered.get("tests/manifests/k8s/monitored");
const theSidecar = sidecar(podSpec(native[0]));

await check("rendered_objects_are_what_the_api_server_takes", async function* () {
	for (const [path, objects] of rendered) for (const object of objects) for await (const fault of faults(object)) yield `${path}: ${fault}`;
});

await check("each_object_is_as_promised", function* () {
	for (const object of [...demo, ...rendered.get("k8s/overlays/production"), ...monitored]) yield* promises.ofObject(object);
	for (const object of FILES.slice(2).flatMap(readObjects)) yield* promises.ofPod(podSpec(object), object.kind);
});

await check("each_reference_points_at_something", function* () {
	for (const objects of [base, demo, monitored]) yield* promises.ofReferences(objects);
});

await check("collector_is_as_promised", function* () {
	for (const objects of [base, demo, monitored]) yield* promises.ofCollector(objects);
});

await check("sidecar_is_first_in_each_kind_of_workload", function* () {
	for (const [objects, form] of [[native, "native"], [classic, "classic"]]) {
		for (const kind of KINDS) if (objects.filter((object) => object.kind === kind).length < 2) yield `${form}: no ${kind}`;
		for (const object of objects) yield* promises.ofSidecar(object, form);
	}
	const shop = demo.filter(({ kind, metadata }) => kind === "Deployment" && metadata.labels["app.kubernetes.io/component"] === "shop");
	if (shop.map(({ metadata }) => metadata.name).sort().join() !== "catalog,payments,web") yield "the shop is not three";
	for (const object of shop) if (podSpec(object).initContainers?.[0].name !== "nstats-probe") yield `${called(object)}: no probe`;
});

// A pod, its namespace's labels, and whether the probe belongs into it.
const plain = readObjects("k8s/examples/pod.yaml").map((pod) => copy(pod, ({ spec }) => delete spec.initContainers))[0];
const withInit = (...containers) => copy(plain, ({ spec }) => (spec.initContainers = containers));
const enabled = { "nstats.io/inject": "enabled" };
const enforced = (level) => ({ ...enabled, "pod-security.kubernetes.io/enforce": level });
const CASES = {
	"plain": [plain, enabled, true],
	"in a namespace that did not ask": [plain, {}, false],
	"in a namespace that asked for something else": [plain, { "nstats.io/inject": "disabled" }, false],
	"where Pod Security is privileged": [plain, enforced("privileged"), true],
	"where Pod Security is baseline": [plain, enforced("baseline"), false],
	"where Pod Security is restricted": [plain, enforced("restricted"), false],
	"with annotations": [copy(plain, ({ metadata }) => (metadata.annotations = { other: "false" })), enabled, true],
	"that asks itself": [copy(plain, ({ metadata }) => (metadata.annotations = { "nstats.io/inject": "true" })), enabled, true],
	"that opted out": [copy(plain, ({ metadata }) => (metadata.annotations = { "nstats.io/inject": "false" })), enabled, false],
	"on the host network": [copy(plain, ({ spec }) => (spec.hostNetwork = true)), enabled, false],
	"that says it is not": [copy(plain, ({ spec }) => (spec.hostNetwork = false)), enabled, true],
	"with init containers": [withInit({ name: "a", image: "a:1" }, { name: "b", image: "b:1" }), enabled, true],
	"with a sidecar of its own": [withInit({ name: "mesh", image: "m:1", restartPolicy: "Always" }), enabled, true],
	"with the probe already": [readObjects("k8s/examples/pod.yaml")[0], enabled, false],
	"with the probe as a container": [readObjects("k8s/examples/pod-classic.yaml")[0], enabled, false],
	"for Linux": [copy(plain, ({ spec }) => (spec.os = { name: "linux" })), enabled, true],
	"for Windows": [copy(plain, ({ spec }) => (spec.os = { name: "windows" })), enabled, false],
};
const POLICIES = {
	"mutatingadmissionpolicy.yaml": (text) => (pod, labels) => byAdmissionPolicy(documents(text), pod, labels),
	"kyverno.yaml": (text) => (pod, labels) => byKyverno(documents(text)[0], pod, labels),
};

async function* faultsOfPolicy(admit) {
	for (const [what, [pod, labels, wants]] of Object.entries(CASES)) {
		const before = podSpec(pod).initContainers ?? [];
		const admitted = admit(pod, labels);
		const expected = wants ? copy(pod, ({ spec }) => (spec.initContainers = [theSidecar, ...before])) : pod;
		if (!isDeepStrictEqual(admitted, expected)) yield `a pod ${what}: ${JSON.stringify(admitted.spec.initContainers)}`;
		for await (const fault of faults(admitted)) yield `a pod ${what}: ${fault}`;
		if (!isDeepStrictEqual(admit(admitted, labels), admitted)) yield `a pod ${what}: the second time changes it again`;
	}
}

for (const [file, policy] of Object.entries(POLICIES))
	await check(`pods_get_the_probe_by_${file.split(".")[0]}`, () => faultsOfPolicy(policy(readText(`k8s/inject/${file}`))));

await check("policies_fail_open_and_see_new_pods_only", function* () {
	const [policy, binding] = readObjects("k8s/inject/mutatingadmissionpolicy.yaml");
	const [kyverno] = readObjects("k8s/inject/kyverno.yaml");
	if (policy.spec.failurePolicy !== "Ignore" || kyverno.spec.failurePolicy !== "Ignore") yield "failurePolicy is not Ignore";
	if (binding.spec.policyName !== policy.metadata.name) yield "the binding is another policy's";
	const rules = JSON.stringify(policy.spec.matchConstraints.resourceRules);
	if (rules !== '[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["pods"]}]') yield rules;
	if (kyverno.spec.rules[0].match.any[0].resources.operations.join() !== "CREATE") yield "Kyverno's is not for CREATE only";
	if (kyverno.metadata.annotations["pod-policies.kyverno.io/autogen-controllers"] !== "none") yield "Kyverno changes templates too";
});

await check("sidecar_is_the_same_in_each_form", function* () {
	const { restartPolicy, ...container } = theSidecar;
	const forms = {
		...Object.fromEntries(native.map((object) => [`native ${called(object)}`, [sidecar(podSpec(object)), theSidecar]])),
		...Object.fromEntries(classic.map((object) => [`classic ${called(object)}`, [sidecar(podSpec(object)), container]])),
		"examples/pod.yaml": [sidecar(podSpec(readObjects("k8s/examples/pod.yaml")[0])), theSidecar],
		"examples/pod-classic.yaml": [sidecar(podSpec(readObjects("k8s/examples/pod-classic.yaml")[0])),
			copy(container, (it) => (it.env = it.env.filter(({ name }) => !["POD_NAMESPACE", "NODE_NAME"].includes(name))))],
	};
	if (restartPolicy !== "Always") yield "it is no sidecar";
	for (const [form, [is, expected]] of Object.entries(forms))
		if (is && !isDeepStrictEqual(is, expected)) yield `${form}: ${JSON.stringify(is)}`;
});

await check("pod_security_takes_the_collector_and_refuses_net_raw_alone", function* () {
	for (const objects of [base, demo, monitored])
		for (const object of objects.filter(({ kind, metadata }) => kind === "Deployment" && !metadata.labels["app.kubernetes.io/component"].match(/shop/)))
			for (const fault of podsecurity.restricted(podSpec(object))) yield `${called(object)}: ${fault}`;
	const pods = [...demo.filter((object) => podSpec(object) && sidecar(podSpec(object))), ...FILES.slice(2).flatMap(readObjects)];
	if (pods.length !== 5) yield `${pods.length} pods with a probe`;
	for (const object of pods) {
		const refused = [...podsecurity.baseline(podSpec(object))].join();
		if (refused !== "nstats-probe: adds NET_RAW") yield `${called(object)}: ${refused}`;
		const without = copy(podSpec(object), (spec) => {
			for (const list of ["initContainers", "containers"]) spec[list] = spec[list]?.filter(({ name }) => name !== "nstats-probe");
		});
		if (object.kind === "Deployment") for (const fault of podsecurity.restricted(without)) yield `${called(object)} without the probe: ${fault}`;
	}
});

const find = (kind, name = "nstats-collector") => base.find((object) => object.kind === kind && object.metadata.name === name);
const inBase = (kind, change) => base.map((object) => (object === find(kind) ? copy(object, change) : object));
const inPod = (change) => copy(find("Deployment"), (object) => change(podSpec(object)));
const inSidecar = (change) => copy(native[0], (object) => change(sidecar(podSpec(object))));
const policyText = readText("k8s/inject/mutatingadmissionpolicy.yaml");
const kyvernoText = readText("k8s/inject/kyverno.yaml");
const brokenPolicies = (file, changes) => Object.fromEntries(Object.entries(changes).map(([what, [from, to]]) => {
	const whole = readText(`k8s/inject/${file}`);
	return [`${file}: ${what}`, [(text) => faultsOfPolicy(POLICIES[file](text)), whole.replace(from, to), whole]];
}));
const BROKEN = {
	"restartPolcy": [faults, inSidecar((it) => (it.restartPolcy = "Always"))],
	"a restartPolicy that is a number": [faults, inSidecar((it) => (it.restartPolicy = 1))],
	"a port that is a text": [faults, inPod((it) => (it.containers[0].ports[0].containerPort = "4747"))],
	"a label that is a number": [faults, copy(find("Service"), (it) => (it.metadata.labels.a = 1))],
	"a field at the wrong level": [faults, copy(find("Deployment"), (it) => (it.spec.terminationGracePeriodSeconds = 30))],
	"a kind of another group": [faults, copy(find("PodDisruptionBudget"), (it) => (it.apiVersion = "apps/v1"))],
	"a field that is missing": [faults, copy(find("Deployment"), (it) => delete it.spec.selector)],
	"a field that is empty": [faults, inPod((it) => (it.containers[0].resources = null))],
	"a precondition misspelt": [faults, documents(kyvernoText.replace("operator: AllNotIn", "operator: AllNotInn"))[0]],
	"a match condition without a name": [faults, documents(policyText.replace("name: not-windows", "nam: not-windows"))[0]],
	"a second replica": [promises.ofCollector, inBase("Deployment", (it) => (it.spec.replicas = 2))],
	"a Service with an address": [promises.ofCollector, inBase("Service", (it) => delete it.spec.clusterIP)],
	"a right to write": [promises.ofCollector, inBase("ClusterRole", (it) => it.rules[0].verbs.push("patch"))],
	"a claim that is not there": [promises.ofReferences, base.filter(({ kind }) => kind !== "PersistentVolumeClaim")],
	"a port that is not there": [promises.ofReferences, inBase("Service", (it) => (it.spec.ports[0].protocol = "TCP"))],
	"an image that floats": [promises.ofObject, inPod((it) => (it.containers[0].image = "nstats/collector:latest"))],
	"no limits": [promises.ofObject, inPod((it) => delete it.containers[0].resources.limits)],
	"a probe that is not first": [(it) => promises.ofSidecar(it, "native"),
		copy(native.find(({ metadata }) => metadata.name === "job-init"), (it) => podSpec(it).initContainers.reverse())],
	"root": [podsecurity.restricted, podSpec(inPod((it) => (it.securityContext.runAsUser = 0)))],
	"a capability kept": [podsecurity.restricted, podSpec(inPod((it) => (it.containers[0].securityContext.capabilities.drop = ["MKNOD"])))],
	"a volume of the host": [podsecurity.restricted, podSpec(inPod((it) => it.volumes.push({ name: "a", hostPath: { path: "/" } })))],
	...brokenPolicies("mutatingadmissionpolicy.yaml", {
		"a type that is not the field's": ['fieldRef{fieldPath: "spec.nodeName"}', 'other{fieldPath: "spec.nodeName"}'],
		"the probe at the end": ["/spec/initContainers/0", "/spec/initContainers/-"],
		"no list made": ["has(object.spec.initContainers) ? [] : [", "true ? [] : ["],
		"another memory": ['"memory": "8Mi"', '"memory": "9Mi"'],
		"no opt-out": ['!= "false"', '!= "no"'],
		"no look at the namespace": ["values: [baseline, restricted]", "values: [restricted]"],
	}),
	...brokenPolicies("kyverno.yaml", {
		"no opt-out": ['value: "false"', 'value: "no"'],
		"no look at the host network": ["value: true", "value: 1"],
		"another capability": ["NET_RAW", "NET_ADMIN"],
	}),
};

await check("each_broken_copy_is_caught", async function* () {
	for (const [what, [find, subject, whole]] of Object.entries(BROKEN)) {
		if (subject === whole) yield `not broken: ${what}`;
		let isCaught = false;
		try {
			for await (const _ of find(subject)) {
				isCaught = true;
				break;
			}
		} catch {
			isCaught = true;
		}
		if (!isCaught) yield `not caught: ${what}`;
	}
	const patched = jsonPatch({ "a/b": [1, 3] }, [{ op: "add", path: "/a~1b/1", value: 2 }]);
	if (patched["a/b"].join() !== "1,2,3") yield "JSON Patch adds at the wrong place";
});

process.exit(failed ? 1 : 0);
