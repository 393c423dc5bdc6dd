// SPDX-License-Identifier: Apache-2.0
// What we promise of the collector in a cluster, over the objects of an overlay: each promise a sentence, and whether it is kept.
import { isDeepStrictEqual } from "node:util";
import { allows } from "./network.mjs";
import { bytes, amount } from "./quantities.mjs";
import { podLabels, podSpec } from "./render.mjs";

const NAME = "nstats-collector";
const DATAGRAMS = ["UDP", 4747];
const HTTP = ["TCP", 9747];
const READS = [{ apiGroups: [""], resources: ["pods", "services", "nodes"], verbs: ["get", "list", "watch"] }];
const anywhere = { ip: "203.0.113.1" };
const privateNet = { ip: "10.1.2.3" };

function* notKept(promises) {
	for (const [what, is] of Object.entries(promises)) if (!is) yield `not kept: ${what}`;
}

function environmentOf(container, objects) {
	const maps = (container.envFrom ?? []).map(({ configMapRef }) => objects.find(({ kind, metadata }) =>
		kind === "ConfigMap" && metadata.name === configMapRef.name).data);
	return Object.assign({}, ...maps, Object.fromEntries(container.env.map(({ name, value }) => [name, value])));
}

// Where InfluxDB is: a pod of the overlay, or outside.
function influxOf(told, objects) {
	const { hostname, port } = new URL(told.NSTATS_INFLUX);
	const [name, namespace] = hostname.split(".");
	const service = hostname.endsWith(".svc") && objects.find((object) => object.kind === "Service"
		&& object.metadata.name === name && object.metadata.namespace === namespace);
	return { end: service ? { namespace, labels: service.spec.selector } : privateNet, port: ["TCP", Number(port)] };
}

export function* ofCollector(objects) {
	const one = (kind) => objects.find((object) => object.kind === kind && object.metadata.name === NAME);
	const deployment = one("Deployment");
	const pod = podSpec(deployment);
	const [container] = pod.containers;
	const told = environmentOf(container, objects);
	const { startupProbe: startup, livenessProbe: liveness, readinessProbe: readiness } = container;
	const waits = ({ periodSeconds, failureThreshold }) => periodSeconds * failureThreshold;
	yield* notKept({
		"one replica": deployment.spec.replicas === 1,
		"no second one for a moment": deployment.spec.strategy.type === "Recreate",
		"one name in nstats_collector after each restart": pod.hostname === NAME,
		"30 s to end": pod.terminationGracePeriodSeconds === 30,
		"an account of its own": pod.serviceAccountName === NAME && pod.automountServiceAccountToken === true,
		"the account's token for this pod only": one("ServiceAccount").automountServiceAccountToken === false,
		"a headless Service": one("Service").spec.clusterIP === "None" && one("Service").spec.ports.length === 2,
		"an address only while it is ready": !one("Service").spec.publishNotReadyAddresses,
		"drains that are not blocked": one("PodDisruptionBudget").spec.maxUnavailable === 1 && !one("PodDisruptionBudget").spec.minAvailable,
		"five minutes to check the spool at the start": startup.httpGet.path === "/healthz" && waits(startup) >= 300,
		"liveness, with a minute's patience": liveness.httpGet.path === "/healthz" && waits(liveness) >= 60 && liveness.timeoutSeconds >= 5,
		"readiness": readiness.httpGet.path === "/readyz" && readiness.periodSeconds <= 10 && readiness.timeoutSeconds >= 3,
		"its last words": container.terminationMessagePolicy === "FallbackToLogsOnError",
		"an http address that the kubelet reaches": told.NSTATS_HTTP === `[::]:${HTTP[1]}`,
		"rights to read, no more": isDeepStrictEqual(objects.filter(({ kind }) => /Role$/.test(kind)).flatMap(({ rules }) => rules), READS),
		"those rights": objects.filter(({ kind }) => /RoleBinding$/.test(kind)).length === 1
			&& isDeepStrictEqual([one("ClusterRoleBinding").roleRef.kind, one("ClusterRoleBinding").roleRef.name], ["ClusterRole", NAME])
			&& isDeepStrictEqual(one("ClusterRoleBinding").subjects, [{ kind: "ServiceAccount", name: NAME, namespace: deployment.metadata.namespace }]),
		"the name that overlays know": container.name === NAME,
	});
	yield* ofVolumes(objects, pod, told);
	yield* ofTraffic(one("NetworkPolicy"), deployment, told, objects);
}

function* ofVolumes(objects, pod, told) {
	const [container] = pod.containers;
	const volume = (name) => pod.volumes.find((other) => other.name === name);
	const mount = (path) => container.volumeMounts.find(({ mountPath }) => mountPath === path);
	const data = mount(told.NSTATS_SPOOL.replace(/\/[^/]+$/, ""));
	const claimName = volume(data?.name)?.persistentVolumeClaim?.claimName;
	const claim = objects.find(({ kind, metadata }) => kind === "PersistentVolumeClaim" && metadata.name === claimName);
	const credentials = mount("/etc/nstats/influx");
	const secret = volume(credentials?.name)?.secret;
	const labels = mount("/etc/nstats/labels");
	const named = volume(labels?.name)?.configMap;
	yield* notKept({
		"labels in a ConfigMap that need not be there": named?.name === "nstats-labels" && named.optional === true,
		"labels in a folder, which the kubelet renews": labels && !labels.subPath && labels.readOnly === true,
		"the spool in a volume that outlives the pod": claim?.spec.accessModes.join() === "ReadWriteOnce",
		"a volume that can be written": data && !data.readOnly && pod.securityContext.fsGroup === pod.securityContext.runAsGroup
			&& pod.securityContext.fsGroupChangePolicy === "OnRootMismatch",
		"a volume of twice the spool": amount(claim?.spec.resources.requests.storage) >= 2 * bytes(told.NSTATS_SPOOL_MAX),
		"a Secret that need not be there": secret?.secretName === "nstats-influx" && secret.optional === true && credentials.readOnly === true,
		"a Secret that the collector can read, and nobody else": secret?.defaultMode === 0o440,
		"credentials from the Secret": Object.entries(told).every(([name, path]) => !/_FILE$/.test(name) || /^\/etc\/nstats\/influx\/[a-z]+$/.test(path)),
	});
}

function* ofTraffic(policy, deployment, told, objects) {
	const { namespace } = deployment.metadata;
	const names = Object.fromEntries(podSpec(deployment).containers[0].ports.map(({ name, protocol, containerPort }) => [`${name}/${protocol}`, containerPort]));
	const pod = (where, labels = {}) => ({ namespace: where, labels });
	const isLetIn = (end, port) => allows(policy, "Ingress", end, port, names);
	const reaches = (end, port) => allows(policy, "Egress", end, port);
	const influx = told.NSTATS_INFLUX && influxOf(told, objects);
	const dns = [["UDP", 53], ["TCP", 53]];
	yield* notKept({
		"a policy for the collector's pod": Object.entries(policy.spec.podSelector.matchLabels).every(([key, value]) => podLabels(deployment)[key] === value),
		"datagrams from each pod, and from pods only": isLetIn(pod("anybody's", { any: "label" }), DATAGRAMS) && !isLetIn(anywhere, DATAGRAMS),
		"http from its namespace and from Prometheus'": isLetIn(pod(namespace), HTTP) && isLetIn(pod("monitoring"), HTTP),
		"http from nowhere else": !isLetIn(pod("anybody's"), HTTP) && !isLetIn(anywhere, HTTP),
		"no other way in": ![["TCP", 4747], ["UDP", 9747], ["TCP", 22]].some((port) => isLetIn(pod(namespace), port)),
		"DNS, whoever answers": dns.every((port) => reaches(anywhere, port) && reaches(pod("kube-system"), port)),
		"the API server": reaches(anywhere, ["TCP", 443]) && reaches(anywhere, ["TCP", 6443]),
		"InfluxDB": influx ? reaches(influx.end, influx.port) : [8086, 8181].every((port) => reaches(anywhere, ["TCP", port])),
		"InfluxDB 1.x, 2.x and 3": [8086, 8181].every((port) => reaches(privateNet, ["TCP", port])),
		"no other way out": ![["TCP", 80], ["UDP", 443], ["UDP", 8086], ["UDP", 123]].some((port) => reaches(anywhere, port) || reaches(privateNet, port)),
	});
}

// k8s/examples/networkpolicy.yaml, applied where the probes are.
export function* ofProbesPolicy(policy, collectors) {
	const deployment = collectors.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === NAME);
	const collector = { namespace: deployment.metadata.namespace, labels: podLabels(deployment) };
	const here = { ...policy, metadata: { ...policy.metadata, namespace: "apps" } };
	const reaches = (end, ...port) => allows(here, "Egress", end, port);
	yield* notKept({
		"it is for each pod": isDeepStrictEqual(policy.spec.podSelector, {}),
		"it is about what is sent": isDeepStrictEqual(policy.spec.policyTypes, ["Egress"]),
		"datagrams to the collector": reaches(collector, ...DATAGRAMS),
		"to nobody else": !reaches({ ...collector, namespace: "apps" }, ...DATAGRAMS) && !reaches({ ...collector, labels: {} }, ...DATAGRAMS)
			&& !reaches(anywhere, ...DATAGRAMS),
		"DNS, whoever answers": reaches(anywhere, "UDP", 53) && reaches(anywhere, "TCP", 53),
		"nothing else": !reaches(collector, ...HTTP) && !reaches(anywhere, "TCP", 443),
	});
}

// k8s/examples/restore.yaml, applied while no collector runs.
export function* ofRestore(pod, collectors) {
	const deployment = collectors.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === NAME);
	const { spec } = pod;
	const theirs = podSpec(deployment);
	const [container] = spec.containers;
	const data = ({ volumes }) => volumes.find(({ name }) => name === "data");
	const mount = ({ containers: [{ volumeMounts }] }) => volumeMounts.find(({ name }) => name === "data");
	yield* notKept({
		"beside the collector": pod.metadata.namespace === deployment.metadata.namespace,
		"its volume, where it has it": isDeepStrictEqual(data(spec), data(theirs)) && isDeepStrictEqual(mount(spec), mount(theirs)),
		"files that are the collector's": isDeepStrictEqual(spec.securityContext, theirs.securityContext),
		"an end, after the hour that it is there for": spec.activeDeadlineSeconds === 3600 && isDeepStrictEqual(container.command, ["sleep", "3600"])
			&& spec.restartPolicy === "Never" && spec.terminationGracePeriodSeconds === 1,
		"tools, of Docker Hub's busybox": container.image.startsWith("busybox:"),
	});
}

// The overlay production, with the PodMonitor: InfluxDB 2.x over TLS, in a network that is named.
export function* ofProduction(objects) {
	const { data } = objects.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name.startsWith(NAME));
	const policy = objects.find(({ kind }) => kind === "NetworkPolicy");
	yield* notKept({
		"InfluxDB over TLS": data.NSTATS_INFLUX.startsWith("https://"),
		"a bucket with its organisation and its token": ["BUCKET", "ORG", "TOKEN_FILE"].every((name) => data[`NSTATS_${name}`]),
		"a name of its own for the cluster": data.NSTATS_CLUSTER,
		"InfluxDB where it is": [8086, 8181].every((port) => !allows(policy, "Egress", anywhere, ["TCP", port])),
	});
	const { spec } = objects.find(({ kind }) => kind === "PodMonitor");
	const asked = spec.podMetricsEndpoints.map(({ port, path }) => `${port}${path}`);
	yield* notKept({ "Prometheus asks for /metrics, twice a minute": asked.join() === "http/metrics" && spec.podMetricsEndpoints[0].interval === "30s" });
}
