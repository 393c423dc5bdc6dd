// SPDX-License-Identifier: Apache-2.0
// What we promise of each of our objects beyond what the API server asks, and of each namespace.
import { amount } from "./quantities.mjs";
import { called, podLabels, podSpec } from "./render.mjs";
import * as podsecurity from "./podsecurity.mjs";

const COMPONENTS = ["collector", "probe", "database", "dashboards", "shop"];
// `kubectl apply` keeps a copy of the object in an annotation, whose limit is 256 KiB together with the others
const APPLY_MAX = 250_000;
const CLUSTER_WIDE = ["Namespace", "ClusterRole", "ClusterRoleBinding", "ClusterPolicy", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"];
const LEVELS = {
	privileged: () => [],
	baseline: podsecurity.baseline,
	restricted: podsecurity.restricted,
};

export function* ofObject(object) {
	const { kind, metadata } = object;
	const name = called(object);
	if (kind !== "ConfigMap") for (const fault of ofLabels(metadata.labels ?? {}, object)) yield `${name}: ${fault}`;
	if (!metadata.namespace !== CLUSTER_WIDE.includes(kind)) yield `${name}: namespace ${metadata.namespace}`;
	if (JSON.stringify(object).length > APPLY_MAX) yield `${name}: too large for kubectl apply`;
	const spec = podSpec(object);
	if (!spec) return;
	if (!spec.containers.some((container) => container.name === metadata.name)) yield `${name}: no container of its name`;
	for (const fault of ofLabels(podLabels(object), object)) yield `${name}: its pods: ${fault}`;
	for (const fault of ofPod(spec, kind)) yield `${name}: ${fault}`;
}

function* ofLabels(labels, { kind, metadata: { name } }) {
	const of = (label) => labels[`app.kubernetes.io/${label}`];
	if (of("name") !== name || of("part-of") !== "nstats") yield `labels name ${of("name")}, part-of ${of("part-of")}`;
	if (kind !== "Namespace" && !COMPONENTS.includes(of("component"))) yield `label component ${of("component")}`;
}

export function* ofPod(spec, kind) {
	for (const container of podsecurity.containers(spec)) for (const fault of ofContainer(container)) yield `${container.name}: ${fault}`;
	for (const { name, readinessProbe } of kind === "Deployment" ? spec.containers : [])
		if (name !== "nstats-probe" && !readinessProbe?.httpGet.path) yield `${name}: no readinessProbe`;
	if (spec.enableServiceLinks !== false) yield "enableServiceLinks: variables of services can be taken for options";
	if (spec.automountServiceAccountToken !== Boolean(spec.serviceAccountName)) yield "a token that nobody needs, or none where one is needed";
	const { runAsUser, runAsGroup, fsGroup = runAsGroup } = spec.securityContext ?? {};
	if (runAsUser !== runAsGroup || fsGroup !== runAsGroup) yield "its user, group and the volumes' group are not one number";
	const canBeWritten = (volume) => volume.emptyDir || volume.persistentVolumeClaim;
	if (spec.volumes?.some(canBeWritten) && spec.securityContext?.fsGroup === undefined) yield "no fsGroup: its volumes are root's";
	for (const { name, emptyDir } of spec.volumes ?? []) if (emptyDir && !amount(emptyDir.sizeLimit)) yield `volume ${name}: no sizeLimit`;
}

function* ofContainer({ image, imagePullPolicy, resources = {}, securityContext, ports = [] }) {
	if (!/:\d+\.\d+\.\d+$/.test(image)) yield `image ${image} is not of one exact version`;
	if (imagePullPolicy !== "IfNotPresent") yield `imagePullPolicy ${imagePullPolicy}`;
	if (!securityContext?.readOnlyRootFilesystem) yield "its root can be written";
	if (securityContext?.runAsUser !== securityContext?.runAsGroup) yield "its user and group are not one number";
	for (const { name, protocol } of ports) if (!name || !protocol) yield "a port without a name or a protocol";
	for (const what of ["cpu", "memory"]) {
		const [request, limit] = [resources.requests?.[what], resources.limits?.[what]].map(amount);
		if (!(request > 0 && request <= limit)) yield `${what}: requests ${resources.requests?.[what]}, limits ${resources.limits?.[what]}`;
	}
}

// Each namespace says its Pod Security level, lets its pods in, and is told of what is beyond restricted.
export function* ofNamespaces(objects) {
	for (const { kind, metadata } of objects) {
		if (kind !== "Namespace") continue;
		const { name } = metadata;
		const label = (mode) => metadata.labels?.[`pod-security.kubernetes.io/${mode}`];
		const admits = LEVELS[label("enforce")];
		if (!admits) yield `${name}: enforces ${label("enforce")}`;
		for (const mode of ["enforce", "warn", "audit"]) if (label(`${mode}-version`) !== "latest") yield `${name}: ${mode} is of ${label(`${mode}-version`)}`;
		for (const mode of ["warn", "audit"]) if (label(mode) !== "restricted") yield `${name}: ${mode} is ${label(mode)}`;
		const pods = objects.filter((object) => podSpec(object) && object.metadata.namespace === name);
		for (const pod of pods) {
			for (const fault of admits?.(podSpec(pod)) ?? []) yield `${name} refuses ${called(pod)}: ${fault}`;
			for (const fault of ofPodSecurity(podSpec(pod))) yield `${called(pod)}: ${fault}`;
		}
	}
}

const isProbe = ({ name }) => name === "nstats-probe";

// All of a pod is restricted but the probe, of which baseline refuses one capability.
export function* ofPodSecurity(spec) {
	const without = { ...spec };
	for (const list of ["initContainers", "containers"]) if (spec[list]) without[list] = spec[list].filter((one) => !isProbe(one));
	yield* podsecurity.restricted(without);
	const refused = [...podsecurity.baseline(spec)].join();
	if (refused !== (podsecurity.containers(spec).some(isProbe) ? "nstats-probe: adds NET_RAW" : "")) yield `baseline refuses: ${refused || "no probe"}`;
}
