// SPDX-License-Identifier: Apache-2.0
// check_k8s.mjs BUILD_DIR: all of k8s/ as kubectl renders it. Each object is one that the API server takes, with no field
// misspelt; what k8s/{promises,references,collector,demo,sidecar,injection}.mjs promise is kept; the sidecar is one and the same
// in its five forms. Then copies that each break something, since a check that cannot fail checks nothing: those that somebody
// thought of, and every one that lacks a field or says something else in one.
import { isDeepStrictEqual } from "node:util";
import * as podsecurity from "./k8s/podsecurity.mjs";
import { ofCollector, ofProbesPolicy, ofProduction, ofRestore } from "./k8s/collector.mjs";
import { ofDemo } from "./k8s/demo.mjs";
import { admitted, brokenPolicies, faultsOfPolicy, POLICIES } from "./k8s/injection.mjs";
import { jsonPatch } from "./k8s/policies.mjs";
import { ofNamespaces, ofObject, ofPod } from "./k8s/promises.mjs";
import { ofReferences } from "./k8s/references.mjs";
import { called, documents, kubectlIsMissing, podSpec, readObjects, readText, render, renderYours } from "./k8s/render.mjs";
import { ofProbe, ofSidecar } from "./k8s/sidecar.mjs";
import { faults } from "./k8s/strict.mjs";
import { hasFault, unnoticed } from "./mutants.mjs";

const RENDERED = ["k8s/base", "k8s/overlays/demo", "k8s/overlays/production",
	...["native", "classic", "monitored"].map((name) => `tests/manifests/k8s/${name}`)];
const EXAMPLES = ["k8s/examples/pod.yaml", "k8s/examples/pod-classic.yaml"];
const FILES = [...POLICIES.map((name) => `k8s/inject/${name}/policy.yaml`), "k8s/examples/networkpolicy.yaml", "k8s/examples/restore.yaml", ...EXAMPLES];
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
	for (const object of [...demo, ...rendered.get("k8s/overlays/production"), ...monitored]) yield* ofObject(object);
	for (const policy of POLICIES) for (const object of readObjects(`k8s/inject/${policy}/policy.yaml`)) yield* ofObject(object);
	for (const object of EXAMPLES.flatMap(readObjects)) yield* ofPod(podSpec(object), object.kind);
});

// All that is said of the objects of an overlay together; each finds its own.
const SETS = {
	"k8s/base": [base, function* () {}],
	"k8s/overlays/demo": [demo, ofDemo],
	"production with the PodMonitor": [monitored, ofProduction],
};

function* ofSet(objects, ofOwn) {
	yield* ofReferences(objects);
	yield* ofNamespaces(objects);
	yield* ofCollector(objects);
	yield* ofOwn(objects);
}

for (const [name, [objects, ofOwn]] of Object.entries(SETS))
	await check(`promises_are_kept_by_${name.replaceAll(/[ /]/g, "_")}`, () => ofSet(objects, ofOwn));

const [probesPolicy] = readObjects("k8s/examples/networkpolicy.yaml");
const inNamespace = (object) => copy(object, ({ metadata }) => (metadata.namespace = "apps")); // as kubectl -n puts it there
await check("probes_reach_the_collector_where_egress_is_denied", function* () {
	yield* ofObject(inNamespace(probesPolicy));
	yield* ofProbesPolicy(probesPolicy, base);
});

const [restore] = readObjects("k8s/examples/restore.yaml");
function* ofRestorePod(pod) {
	yield* ofObject(pod);
	yield* podsecurity.restricted(podSpec(pod));
	yield* ofRestore(pod, base);
}
await check("the_pod_for_a_restore_has_the_collectors_volume", () => ofRestorePod(restore));

await check("sidecar_is_first_in_each_kind_of_workload", function* () {
	for (const [objects, form] of [[native, "native"], [classic, "classic"]]) {
		for (const kind of KINDS) if (objects.filter((object) => object.kind === kind).length < 2) yield `${form}: no ${kind}`;
		for (const object of objects) yield* ofSidecar(object, form);
	}
});

for (const policy of POLICIES) {
	const objects = readObjects(`k8s/inject/${policy}/policy.yaml`);
	await check(`pods_get_the_probe_by_${policy}`, async function* () {
		yield* faultsOfPolicy(policy, objects, theSidecar);
		const inOrder = (list) => [...list].sort((a, b) => (a.kind < b.kind ? -1 : 1));
		if (!isDeepStrictEqual(inOrder(render(`k8s/inject/${policy}`)), inOrder(objects))) yield "what kubectl applies is not the file";
	});
}

const REGISTRY = "registry.example/nstats";
await check("what_is_yours_reaches_each_image", function* () {
	for (const policy of POLICIES) {
		const expected = { ...theSidecar, image: theSidecar.image.replace(/^nstats/, REGISTRY) };
		const [first] = admitted(policy, renderYours(`k8s/inject/${policy}`)).spec.initContainers;
		if (!isDeepStrictEqual(first, expected)) yield `${policy}: ${JSON.stringify(first)}`;
	}
	const images = renderYours("k8s/overlays/production").filter(podSpec).flatMap((object) => podsecurity.containers(podSpec(object))).map(({ image }) => image);
	if (images.some((image) => !image.startsWith(`${REGISTRY}/collector:`)) || !images.length) yield `production: ${images}`;
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
	yield* ofProbe(theSidecar);
	for (const [form, [is, expected]] of Object.entries(forms))
		if (is && !isDeepStrictEqual(is, expected)) yield `${form}: ${JSON.stringify(is)}`;
});

const find = (kind, name = "nstats-collector") => base.find((object) => object.kind === kind && object.metadata.name === name);
const inBase = (kind, change) => base.map((object) => (object === find(kind) ? copy(object, change) : object));
const inPod = (change) => copy(find("Deployment"), (object) => change(podSpec(object)));
const inSidecar = (change) => copy(native[0], (object) => change(sidecar(podSpec(object))));
const inDemo = (kind, name, change) => demo.map((object) =>
	(object.kind === kind && object.metadata.name === name ? copy(object, (it) => change(podSpec(it) ?? it)) : object));
const ofDemoSet = (objects) => ofSet(objects, ofDemo);
const policyText = readText("k8s/inject/policy/policy.yaml");
const kyvernoText = readText("k8s/inject/kyverno/policy.yaml");
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
	"a second replica": [ofCollector, inBase("Deployment", (it) => (it.spec.replicas = 2))],
	"a Service with an address": [ofCollector, inBase("Service", (it) => delete it.spec.clusterIP)],
	"a right to write": [ofCollector, inBase("ClusterRole", (it) => it.rules[0].verbs.push("patch"))],
	"a claim that is not there": [ofReferences, base.filter(({ kind }) => kind !== "PersistentVolumeClaim")],
	"a port that is not there": [ofReferences, inBase("Service", (it) => (it.spec.ports[0].protocol = "TCP"))],
	"an image that floats": [ofObject, inPod((it) => (it.containers[0].image = "nstats/collector:latest"))],
	"no limits": [ofObject, inPod((it) => delete it.containers[0].resources.limits)],
	"a probe that is not first": [(it) => ofSidecar(it, "native"),
		copy(native.find(({ metadata }) => metadata.name === "job-init"), (it) => podSpec(it).initContainers.reverse())],
	"root": [podsecurity.restricted, podSpec(inPod((it) => (it.securityContext.runAsUser = 0)))],
	"a capability kept": [podsecurity.restricted, podSpec(inPod((it) => (it.containers[0].securityContext.capabilities.drop = ["MKNOD"])))],
	"a volume of the host": [podsecurity.restricted, podSpec(inPod((it) => it.volumes.push({ name: "a", hostPath: { path: "/" } })))],
	"no fsGroup": [ofCollector, inBase("Deployment", (it) => delete podSpec(it).securityContext.fsGroup)],
	"a spool that cannot be written": [ofCollector, inBase("Deployment", (it) => (podSpec(it).containers[0].volumeMounts[0].readOnly = true))],
	"a volume smaller than the spool": [ofCollector, inBase("PersistentVolumeClaim", (it) => (it.spec.resources.requests.storage = "512Mi"))],
	"a role that does not exist": [ofReferences, inBase("ClusterRoleBinding", (it) => (it.roleRef.name = "collector"))],
	"a role for somebody else": [ofReferences, inBase("ClusterRoleBinding", (it) => (it.subjects[0].namespace = "default"))],
	"no right to watch": [ofCollector, inBase("ClusterRole", (it) => it.rules[0].verbs.pop())],
	"a right to Secrets": [ofCollector, inBase("ClusterRole", (it) => it.rules[0].resources.push("secrets"))],
	"no DNS": [ofCollector, inBase("NetworkPolicy", (it) => it.spec.egress.shift())],
	"no InfluxDB": [ofCollector, inBase("NetworkPolicy", (it) => it.spec.egress.pop())],
	"InfluxDB in another network": [ofCollector, monitored.map((object) =>
		(object.kind === "NetworkPolicy" ? copy(object, (it) => (it.spec.egress[2].to[0].ipBlock.cidr = "192.168.0.0/16")) : object))],
	"everything let out": [ofCollector, inBase("NetworkPolicy", (it) => it.spec.egress.push({}))],
	"datagrams from one namespace": [ofCollector, inBase("NetworkPolicy", (it) => (it.spec.ingress[0].from = [{ podSelector: {} }]))],
	"a namespace that refuses the probe": [ofDemoSet, inDemo("Namespace", "nstats-demo", (it) =>
		(it.metadata.labels["pod-security.kubernetes.io/enforce"] = "baseline"))],
	"Grafana's folders swapped": [ofDemoSet, inDemo("Deployment", "grafana", ({ containers: [{ volumeMounts: mounts }] }) =>
		([mounts.at(-1).mountPath, mounts.at(-2).mountPath] = [mounts.at(-2).mountPath, mounts.at(-1).mountPath]))],
	"Grafana for everybody to change": [ofDemoSet, inDemo("Deployment", "grafana", ({ containers: [{ env }] }) =>
		(env.find(({ name }) => name === "GF_AUTH_ANONYMOUS_ORG_ROLE").value = "Admin"))],
	"a probe without a limit": [ofProbe, copy(theSidecar, (it) => delete it.resources.limits.memory)],
	"a probe's datagrams to another port": [(it) => ofProbesPolicy(it, base), copy(probesPolicy, (it) => (it.spec.egress[0].ports[0].port = 9747))],
	...brokenPolicies("policy", policyText, theSidecar, {
		"a type that is not the field's": ['fieldRef{fieldPath: "spec.nodeName"}', 'other{fieldPath: "spec.nodeName"}'],
		"the probe at the end": ["/spec/initContainers/0", "/spec/initContainers/-"],
		"no list made": ["has(object.spec.initContainers) ? [] : [", "true ? [] : ["],
		"another memory": ['"memory": "8Mi"', '"memory": "9Mi"'],
		"no opt-out": ['!= "false"', '!= "no"'],
		"no look at the namespace": ["operator: In", "operator: NotIn"],
		"namespaces whose level is not said": ["operator: In\n          values: [privileged]", "operator: NotIn\n          values: [baseline, restricted]"],
		"another image": ['"nstats/probe:0.1.0"', '"nstats/probe:0.1.1"'],
		"another collector": ["svc:4747", "svc:4748"],
		"a policy that fails closed": ["failurePolicy: Ignore", "failurePolicy: Fail"],
		"pods that run": ["operations: [CREATE]", "operations: [CREATE, UPDATE]"],
		"another policy's binding": ["policyName: nstats-probe", "policyName: nstats"],
	}),
	...brokenPolicies("kyverno", kyvernoText, theSidecar, {
		"no opt-out": ['value: "false"', 'value: "no"'],
		"no look at the host network": ["value: true", "value: 1"],
		"another capability": ["NET_RAW", "NET_ADMIN"],
		"namespaces whose level is not said": [/operator: In\n( +)values: \[privileged\]/, "operator: NotIn\n$1values: [baseline, restricted]"],
		"a policy that fails closed": ["failurePolicy: Ignore", "failurePolicy: Fail"],
		"templates": ["autogen-controllers: none", "autogen-controllers: Deployment"],
	}),
};

await check("pod_security_of_the_examples_refuses_net_raw_alone", function* () {
	for (const object of EXAMPLES.flatMap(readObjects)) {
		const refused = [...podsecurity.baseline(podSpec(object))].join();
		if (refused !== "nstats-probe: adds NET_RAW") yield `${called(object)}: ${refused}`;
	}
});

await check("each_broken_copy_is_caught", async function* () {
	for (const [what, [find, subject, whole]] of Object.entries(BROKEN)) {
		if (subject === whole) yield `not broken: ${what}`;
		if (!(await hasFault(() => find(subject)))) yield `not caught: ${what}`;
	}
	const patched = jsonPatch({ "a/b": [1, 3] }, [{ op: "add", path: "/a~1b/1", value: 2 }]);
	if (patched["a/b"].join() !== "1,2,3") yield "JSON Patch adds at the wrong place";
});

// What may be changed or left out, and what another check holds.
const FREE = [
	/labels\.app\.kubernetes\.io\/(instance|managed-by|version):/, // for people; check_agree: the version
	/^ConfigMap\/\S+ metadata\.labels/,
	/spec\.revisionHistoryLimit:/,
	/(periodSeconds|timeoutSeconds|failureThreshold|initialDelaySeconds): \d+$/, // bounds are promised, not numbers
	/ports\.\d\.protocol: without$/, // of a policy: TCP
	/data\.NSTATS_(DB|BUCKET|ORG|CLUSTER|TOKEN_FILE): \S+x$/, // check_agree: the database, and that the collector takes them
	/data\.NSTATS_DB: without$/, // the default
	/env\.NSTATS_SPOOL\.value: \S+x$/, // check_agree: where it is
	/matchConditions\.[a-z-]+\.name: \S+x$|spec\.rules\.inject\.name: injectx$|policies\.kyverno\.io\/title:/, // for people
];

async function* lacking(objects, ofOwn) {
	for (const object of objects) {
		const others = objects.filter((one) => one !== object);
		if (!(await hasFault(() => ofSet(others, ofOwn)))) yield `not noticed: no ${called(object)}`;
		if (object.kind === "ConfigMap" && object.metadata.name.startsWith("nstats-grafana")) continue;
		yield* unnoticed(called(object), object, async function* (broken) {
			yield* faults(broken);
			yield* ofObject(broken);
			yield* ofSet([...others, broken], ofOwn);
		}, FREE);
	}
}

for (const [name, [objects, ofOwn]] of Object.entries(SETS))
	await check(`each_field_is_missed_in_${name.replaceAll(/[ /]/g, "_")}`, () => lacking(objects, ofOwn));

await check("each_field_is_missed_in_what_is_for_pods", async function* () {
	yield* unnoticed("sidecar", theSidecar, ofProbe, FREE);
	yield* unnoticed("networkpolicy", probesPolicy, async function* (broken) {
		yield* faults(broken);
		yield* ofObject(inNamespace(broken));
		yield* ofProbesPolicy(broken, base);
	}, FREE);
	yield* unnoticed("restore", restore, async function* (broken) {
		yield* faults(broken);
		yield* ofRestorePod(broken);
	}, FREE);
	for (const policy of POLICIES) {
		const objects = readObjects(`k8s/inject/${policy}/policy.yaml`);
		yield* unnoticed(policy, objects, async function* (broken) {
			for (const object of broken) {
				yield* faults(object);
				yield* ofObject(object);
			}
			yield* faultsOfPolicy(policy, broken, theSidecar);
		}, FREE);
	}
});

process.exit(failed ? 1 : 0);
