// SPDX-License-Identifier: Apache-2.0
// What we promise of our own manifests beyond what the API server asks: of each object, of all objects that are applied
// together, of the collector, and of the sidecar.
import { called, podLabels, podSpec } from "./render.mjs";
import { containers } from "./podsecurity.mjs";

const LABELS = ["name", "component", "part-of"].map((label) => `app.kubernetes.io/${label}`);
// `kubectl apply` keeps a copy of the object in an annotation, whose limit is 256 KiB together with the others
const APPLY_MAX = 250_000;
const CLUSTER_WIDE = ["Namespace", "ClusterRole", "ClusterRoleBinding", "ClusterPolicy", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"];

export function* ofObject(object) {
	const { kind, metadata } = object;
	const name = called(object);
	const labels = metadata.labels ?? {};
	if (!["Namespace", "ConfigMap"].includes(kind)) for (const label of LABELS) if (!labels[label]) yield `${name}: no label ${label}`;
	if (!metadata.namespace !== CLUSTER_WIDE.includes(kind)) yield `${name}: namespace ${metadata.namespace}`;
	if (JSON.stringify(object).length > APPLY_MAX) yield `${name}: too large for kubectl apply`;
	const spec = podSpec(object);
	if (spec) for (const fault of ofPod(spec, kind)) yield `${name}: ${fault}`;
}

export function* ofPod(spec, kind) {
	for (const { name, image, imagePullPolicy, resources = {} } of containers(spec)) {
		if (!/:\d+\.\d+\.\d+$/.test(image)) yield `${name}: image ${image} is not of one exact version`;
		if (imagePullPolicy !== "IfNotPresent") yield `${name}: imagePullPolicy ${imagePullPolicy}`;
		for (const bound of ["requests", "limits"])
			for (const what of ["cpu", "memory"]) if (!resources[bound]?.[what]) yield `${name}: no ${bound} of ${what}`;
	}
	for (const { name, readinessProbe } of kind === "Deployment" ? spec.containers : [])
		if (name !== "nstats-probe" && !readinessProbe) yield `${name}: no readinessProbe`;
	if (spec.enableServiceLinks !== false) yield "enableServiceLinks: variables of services can be taken for options";
}

// Names that point at another object, or at a port, point at something.
export function* ofReferences(objects) {
	const has = (kind, name, namespace) => objects.some((object) =>
		object.kind === kind && object.metadata.name === name && object.metadata.namespace === namespace);
	for (const object of objects) {
		const { kind, metadata, spec } = object;
		const { namespace } = metadata;
		const pods = (wanted) => objects.filter((other) => podSpec(other) && other.metadata.namespace === namespace
			&& Object.entries(wanted ?? {}).every(([key, value]) => podLabels(other)[key] === value));
		const miss = (what) => `${called(object)}: ${what} does not exist`;
		if (namespace && !has("Namespace", namespace)) yield miss(`namespace ${namespace}`);
		if (kind === "Service") {
			const ports = pods(spec.selector).flatMap((pod) => podSpec(pod).containers).flatMap((container) => container.ports ?? []);
			for (const { targetPort, protocol } of spec.ports)
				if (!ports.some((port) => port.name === targetPort && port.protocol === protocol)) yield miss(`port ${targetPort}/${protocol}`);
		}
		const chosen = { NetworkPolicy: spec?.podSelector, PodDisruptionBudget: spec?.selector, PodMonitor: spec?.selector }[kind];
		if (chosen && !pods(chosen.matchLabels).length) yield miss(`a pod with ${JSON.stringify(chosen.matchLabels)}`);
		const own = podSpec(object);
		if (!own) continue;
		if (!pods(spec.selector?.matchLabels).includes(object)) yield `${called(object)}: its selector is not its pods'`;
		if (own.serviceAccountName && !has("ServiceAccount", own.serviceAccountName, namespace)) yield miss(`account ${own.serviceAccountName}`);
		const needed = [
			...(own.volumes ?? []).flatMap(({ configMap, secret, persistentVolumeClaim: claim }) => [
				["ConfigMap", configMap?.name, configMap?.optional], ["Secret", secret?.secretName, secret?.optional],
				["PersistentVolumeClaim", claim?.claimName]]),
			...containers(own).flatMap(({ envFrom = [] }) => envFrom.flatMap(({ configMapRef, secretRef }) => [
				["ConfigMap", configMapRef?.name, configMapRef?.optional], ["Secret", secretRef?.name, secretRef?.optional]])),
		];
		for (const [what, name, optional] of needed) if (name && !optional && !has(what, name, namespace)) yield miss(`${what} ${name}`);
		for (const { name, volumeMounts = [] } of containers(own))
			for (const mount of volumeMounts)
				if (!own.volumes?.some((volume) => volume.name === mount.name)) yield miss(`volume ${mount.name} of ${name}`);
	}
}

export function* ofCollector(objects) {
	const one = (kind) => objects.find((object) => object.kind === kind && object.metadata.name === "nstats-collector");
	const deployment = one("Deployment");
	const pod = podSpec(deployment);
	const [container] = pod.containers;
	const expected = {
		"one replica": deployment.spec.replicas === 1,
		"no second one for a moment": deployment.spec.strategy.type === "Recreate",
		"30 s to end": pod.terminationGracePeriodSeconds === 30,
		"a headless Service": one("Service").spec.clusterIP === "None",
		"an address only while it is ready": !one("Service").spec.publishNotReadyAddresses,
		"a volume": one("PersistentVolumeClaim").spec.accessModes.join() === "ReadWriteOnce",
		"drains that are not blocked": one("PodDisruptionBudget").spec.maxUnavailable === 1,
		"liveness": container.livenessProbe.httpGet.path === "/healthz",
		"readiness": container.readinessProbe.httpGet.path === "/readyz",
		"a namespace that is restricted": objects.some(({ kind, metadata }) => kind === "Namespace" && metadata.name === "nstats"
			&& metadata.labels["pod-security.kubernetes.io/enforce"] === "restricted"),
		"rights to read, no more": objects.filter(({ kind }) => /Role$/.test(kind)).flatMap(({ rules }) => rules)
			.every(({ verbs, resources }) => verbs.every((verb) => ["get", "list", "watch"].includes(verb)) && !resources.includes("secrets")),
		"datagrams from everywhere": one("NetworkPolicy").spec.ingress.some(({ from, ports }) =>
			ports[0].port === "datagrams" && ports[0].protocol === "UDP" && JSON.stringify(from) === '[{"namespaceSelector":{}}]'),
		"http not from everywhere": one("NetworkPolicy").spec.ingress.every(({ from, ports }) =>
			ports[0].port === "datagrams" || (from?.length && !JSON.stringify(from).includes('"namespaceSelector":{}'))),
	};
	for (const [what, is] of Object.entries(expected)) if (!is) yield `not kept: ${what}`;
}

// Where the sidecar stands: before all others; a plain container where the cluster knows no sidecars.
export function* ofSidecar(object, form) {
	const spec = podSpec(object);
	const { initContainers = [], containers: plain } = spec;
	const name = called(object);
	const places = [...initContainers, ...plain].filter((container) => container.name === "nstats-probe").length;
	const wants = object.metadata.annotations?.["nstats.io/inject"] !== "false" && (form === "native" || !/Job$/.test(object.kind));
	if (places !== Number(wants)) yield `${name}: ${places} probes`;
	if (!wants) return;
	if (form === "native") {
		if (initContainers[0].name !== "nstats-probe") yield `${name}: ${initContainers[0].name} comes before the probe`;
		if (initContainers[0].restartPolicy !== "Always") yield `${name}: the probe is no sidecar`;
	} else if (!plain.some((container) => container.name === "nstats-probe" && !container.restartPolicy)) {
		yield `${name}: the probe is no plain container`;
	}
	if (!plain.some((container) => container.name === "app")) yield `${name}: the app is gone`;
	if (object.metadata.name.endsWith("-init") && initContainers.slice(-2).map((container) => container.name).join() !== "first,second")
		yield `${name}: the init containers are in another order`;
}
