// SPDX-License-Identifier: Apache-2.0
// What we promise of the demo: a database, a picture of it, a shop.
import { isDeepStrictEqual } from "node:util";
import { faultsOfTold, GRAFANA_MOUNTS, IMAGES } from "../images.mjs";
import { podSpec } from "./render.mjs";
import { ofProbe } from "./sidecar.mjs";

const SHOP = { // whom each of the shop asks
	catalog: {},
	payments: { CATALOG: "catalog:8081" },
	web: { CATALOG: "catalog:8081", PAYMENTS: "payments:8082" },
};

// The container writes to its image's folders and /tmp; they are volumes of the pod, and everything else is read only.
function* ofWritable(name, spec) {
	const [container] = spec.containers;
	for (const path of [...IMAGES[name].data, "/tmp"]) {
		const mount = container.volumeMounts.find(({ mountPath }) => mountPath === path);
		const volume = spec.volumes.find((one) => one.name === mount?.name);
		if (!volume?.emptyDir || mount.readOnly) yield `${name}: ${path} cannot be written`;
	}
}

// As the database and Grafana are documented to be used.
function* ofImage(name, objects) {
	const find = (kind) => objects.find((object) => object.kind === kind && object.metadata.name === name);
	const [{ spec: deployment }, service] = [find("Deployment"), find("Service")];
	const { spec } = deployment.template;
	const [container] = spec.containers;
	const { port, health } = IMAGES[name];
	if (deployment.replicas !== 1 || deployment.strategy.type !== "Recreate") yield `${name}: two could run at a time`;
	if (service?.spec.ports[0].port !== port) yield `${name}: its Service is not at ${port}`;
	if (container.image.split(":")[0].split("/").at(-1) !== name) yield `${name}: ${container.image}`;
	const { startupProbe: start, readinessProbe: ready, livenessProbe: live } = container;
	const patience = ({ initialDelaySeconds = 0, periodSeconds, failureThreshold }) => initialDelaySeconds + periodSeconds * failureThreshold;
	for (const probe of [start ?? live, ready, live]) if (probe.httpGet.path !== health) yield `${name}: asked for ${probe.httpGet.path}`;
	if (!(patience(start ?? live) >= 90 && patience(live) >= 60 && live.timeoutSeconds >= 5)) yield `${name}: liveness is impatient`;
	if (!(ready.periodSeconds <= 10)) yield `${name}: nobody sees soon that it is ready`;
	for (const fault of faultsOfTold(name, Object.fromEntries(container.env.map((one) => [one.name, one.value])))) yield `${name}: ${fault}`;
	yield* ofWritable(name, spec);
}

function* ofGrafana(objects) {
	const grafana = objects.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === "grafana");
	const collector = objects.find(({ kind, data }) => kind === "ConfigMap" && data?.NSTATS_INFLUX).data;
	const { containers: [{ env, volumeMounts }], volumes } = podSpec(grafana);
	for (const [configMap, path] of Object.entries(GRAFANA_MOUNTS)) {
		const mount = volumeMounts.find(({ mountPath }) => mountPath === path);
		const volume = volumes.find(({ name }) => name === mount?.name);
		if (volume?.configMap?.name !== configMap || mount.readOnly !== true) yield `grafana: ${path} is not ${configMap}, read only`;
	}
	const told = Object.fromEntries(env.map(({ name, value }) => [name, value]));
	if (!collector.NSTATS_CLUSTER) yield "the dashboards' cluster has no name";
	if (told.NSTATS_INFLUX_URL !== collector.NSTATS_INFLUX || told.NSTATS_INFLUX_AUTH !== "") yield "grafana: asks another InfluxDB than the collector writes to";
}

export function* ofDemo(objects) {
	for (const name of ["influxdb", "grafana"]) yield* ofImage(name, objects);
	yield* ofGrafana(objects);
	const shop = objects.filter(({ metadata }) => metadata.labels?.["app.kubernetes.io/component"] === "shop");
	const names = (kind) => shop.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name).sort().join();
	for (const kind of ["Deployment", "Service"]) if (names(kind) !== Object.keys(SHOP).join()) yield `the shop's ${kind}s are ${names(kind)}`;
	for (const object of shop.filter(podSpec)) yield* ofShop(object);
}

function* ofShop({ metadata: { name }, spec: { replicas, template: { spec } } }) {
	const [probe, ...others] = spec.initContainers ?? [];
	const [{ args, readinessProbe, securityContext, env = [] }] = spec.containers;
	if (replicas !== 1) yield `${name}: not one of it`;
	if (args.join() !== name) yield `${name}: plays ${args}`;
	if (probe?.name !== "nstats-probe" || others.length) return yield `${name}: no probe`;
	for (const fault of ofProbe(probe)) yield `${name}: its probe: ${fault}`;
	if (readinessProbe.httpGet.path !== "/healthz" || !(readinessProbe.periodSeconds <= 5)) yield `${name}: readiness`;
	if (name === "payments" && !(readinessProbe.failureThreshold >= 6)) yield `${name}: its pauses take it out of its Service`;
	if (securityContext.runAsNonRoot !== true) yield `${name}: may run as root`;
	const told = Object.fromEntries(env.map((one) => [one.name, one.value]));
	if (!isDeepStrictEqual(told, SHOP[name])) yield `${name}: asks ${JSON.stringify(told)}`;
}
