// SPDX-License-Identifier: Apache-2.0
// Of all objects that are applied together: names that point at another object, or at a port, point at something.
import { isDeepStrictEqual } from "node:util";
import { containers } from "./podsecurity.mjs";
import { isSelected } from "./network.mjs";
import { called, podLabels, podSpec } from "./render.mjs";

// name.namespace.svc:port, or name:port of the same namespace, in a value
const ADDRESS = /^(?:https?:\/\/)?([a-z][a-z0-9-]*)(?:\.([a-z0-9-]+)\.svc)?:(\d+)$/;

class Objects {
	constructor(objects) {
		this.all = objects;
	}
	find(kind, name, namespace) {
		return this.all.find((object) => object.kind === kind && object.metadata.name === name && object.metadata.namespace === namespace);
	}
	pods(namespace, selector) {
		return this.all.filter((other) => podSpec(other) && other.metadata.namespace === namespace && isSelected(selector, podLabels(other)));
	}
	ports(namespace, selector) {
		return this.pods(namespace, selector).flatMap((pod) => podSpec(pod).containers).flatMap((container) => container.ports ?? []);
	}
}

function* ofService({ metadata: { namespace }, spec }, objects) {
	const ports = objects.ports(namespace, { matchLabels: spec.selector });
	for (const { name, port, targetPort, protocol } of spec.ports)
		if (!ports.some((one) => one.name === targetPort && one.name === name && one.containerPort === port && one.protocol === protocol))
			yield `port ${name} ${port}/${protocol}`;
	if (spec.ports.length !== ports.length) yield "an entry for each port of its pods";
}

function* ofBinding({ roleRef, subjects }, objects) {
	if (roleRef.apiGroup !== "rbac.authorization.k8s.io" || !objects.find(roleRef.kind, roleRef.name)) yield `${roleRef.kind} ${roleRef.name}`;
	for (const { kind, name, namespace } of subjects) if (!objects.find(kind, name, namespace)) yield `${kind} ${name} in ${namespace}`;
}

// What chooses pods does so by its own name, and there are some.
function* ofSelector({ kind, metadata: { name, namespace }, spec }, objects) {
	const selectors = {
		Deployment: spec?.selector, NetworkPolicy: spec?.podSelector, PodDisruptionBudget: spec?.selector, PodMonitor: spec?.selector,
		Service: { matchLabels: spec?.selector },
	};
	if (!(kind in selectors)) return;
	const chosen = selectors[kind];
	if (!isDeepStrictEqual(chosen, { matchLabels: { "app.kubernetes.io/name": name } })) yield `a reason to choose ${JSON.stringify(chosen)}`;
	if (objects.pods(namespace, chosen).length !== 1) yield `one pod with ${JSON.stringify(chosen)}`;
	for (const { port } of kind === "PodMonitor" ? spec.podMetricsEndpoints : [])
		if (!objects.ports(namespace, chosen).some(({ name }) => name === port)) yield `port ${port}`;
}

function* ofVolumes(own, namespace, objects) {
	for (const { name, configMap, secret, persistentVolumeClaim: claim } of own.volumes ?? []) {
		const needed = [["ConfigMap", configMap?.name, configMap], ["Secret", secret?.secretName, secret], ["PersistentVolumeClaim", claim?.claimName, claim]];
		for (const [what, one, how] of needed) if (how && !how.optional && !objects.find(what, one, namespace)) yield `${what} ${one}`;
		if (!containers(own).some(({ volumeMounts = [] }) => volumeMounts.some((mount) => mount.name === name))) yield `a mount of volume ${name}`;
	}
	for (const { name, volumeMounts = [] } of containers(own)) {
		for (const mount of volumeMounts)
			if (!own.volumes?.some((volume) => volume.name === mount.name)) yield `volume ${mount.name} of ${name}`;
		if (new Set(volumeMounts.map(({ mountPath }) => mountPath)).size !== volumeMounts.length) yield `a folder of its own for each mount of ${name}`;
	}
}

function* ofContainer({ ports = [], env = [], envFrom = [], ...container }, namespace, objects) {
	for (const { configMapRef, secretRef } of envFrom)
		for (const [what, one] of [["ConfigMap", configMapRef], ["Secret", secretRef]])
			if (one && !one.optional && !objects.find(what, one.name, namespace)) yield `${what} ${one.name}`;
	for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) {
		const port = container[probe]?.httpGet?.port;
		if (port !== undefined && !ports.some(({ name, protocol }) => name === port && protocol === "TCP")) yield `port ${port} of the ${probe}`;
	}
	const values = [...env, ...envFrom.flatMap(({ configMapRef }) => Object.values(objects.find("ConfigMap", configMapRef?.name, namespace)?.data ?? {})
		.map((value) => ({ value })))];
	for (const { value } of values) yield* ofAddress(value, namespace, objects);
}

function* ofAddress(value, namespace, objects) {
	const [, name, where = namespace, port] = String(value ?? "").match(ADDRESS) ?? [];
	const service = name && objects.find("Service", name, where);
	if (name && !service?.spec.ports.some((one) => one.port === Number(port))) yield `${value}: a Service with that port`;
}

export function* ofReferences(list) {
	const objects = new Objects(list);
	for (const object of list) {
		const { kind, metadata: { namespace } } = object;
		const own = podSpec(object);
		const lost = [];
		if (namespace && !objects.find("Namespace", namespace)) lost.push(`namespace ${namespace}`);
		if (kind === "Service") lost.push(...ofService(object, objects));
		if (kind.endsWith("RoleBinding")) lost.push(...ofBinding(object, objects));
		lost.push(...ofSelector(object, objects));
		if (own) {
			if (own.serviceAccountName && !objects.find("ServiceAccount", own.serviceAccountName, namespace)) lost.push(`account ${own.serviceAccountName}`);
			lost.push(...ofVolumes(own, namespace, objects), ...containers(own).flatMap((one) => [...ofContainer(one, namespace, objects)]));
		}
		for (const what of lost) yield `${called(object)}: does not exist: ${what}`;
	}
}
