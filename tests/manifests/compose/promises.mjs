// SPDX-License-Identifier: Apache-2.0
// What we promise of docker-compose.yml, as it is parsed: of every service, of ours, and of what others' images are told.
import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { faultsOfTold, GRAFANA_MOUNTS, IMAGES } from "../images.mjs";

const at = (path) => new URL(`../../../${path}`, import.meta.url);
const read = (path) => readFileSync(at(path), "utf8");
const SHOP = ["web", "catalog", "payments"];
const HTTP_PORTS = { collector: 9747, ...Object.fromEntries(Object.entries(IMAGES).map(([name, { port }]) => [name, port])) };
const TMPFS = { influxdb3: ["/tmp", "/plugins"] };
const WRITABLE = { collector: ["/data"], ...Object.fromEntries(Object.entries(IMAGES).map(([name, { data }]) => [name, data])) };
const PROFILES = { influxdb: "influx1", influxdb2: "influx2", influxdb3: "influx3" };
const BUILT_BY = { collector: "collector", "probe-catalog": "probe", catalog: "shop" };
// Compose 1.29, which Debian 12 has, refuses these
export const TOO_NEW = {
	top: ["name", "include", "models"],
	service: ["develop", "provider", "annotations"],
	health: ["start_interval"],
};

// The names that a program takes from its environment, from the table in its config.c.
const options = (program) => [...read(`${program}/config.c`).matchAll(/\.name = "([^"]+)"|\.alias = "([^"]+)"/g)]
	.flatMap(([, name, alias]) => (name ? [`NSTATS_${name.toUpperCase().replaceAll("-", "_")}`] : alias.split(/[ ,|]+/)));
const KNOWN = { probe: options("probe"), collector: options("collector") };

const isProbe = (name) => name.startsWith("probe-");
const isFolder = (volume) => /^[/.~]/.test(volume);
const initial = (text) => String(text).match(/^\$\{[A-Z0-9_]+:-(.*)\}$/)?.[1] ?? String(text); // ${NAME:-default}
const seconds = (duration) => Number(String(duration).match(/^(\d+)s$/)?.[1] ?? Number.NaN);

function healthOf(name) {
	if (isProbe(name)) return ["CMD", "/nstats-probe", "healthcheck"];
	if (SHOP.includes(name)) return ["CMD", "python3", "/shop.py", name, "--check"];
	if (name === "collector") return ["CMD", "/nstats-collector", "healthcheck"];
	return ["CMD", "curl", "-fsS", "-o", "/dev/null", `http://127.0.0.1:${IMAGES[name].port}${IMAGES[name].health}`];
}

function* ofConfinement(name, service) {
	if (service.restart !== "on-failure") yield `restart: ${service.restart}`;
	if (service.cap_drop?.join() !== "ALL") yield "cap_drop is not [ALL]";
	if ((service.cap_add ?? []).join() !== (isProbe(name) ? "NET_RAW" : "")) yield `cap_add ${service.cap_add}`;
	if (service.read_only !== true) yield "the root is not read-only";
	if (!service.security_opt?.includes("no-new-privileges:true")) yield "may gain privileges";
	if (service.privileged || service.pid || service.ipc || service.network_mode === "host") yield "shares the machine's namespaces";
	if (!/^\d+[mg]$/.test(service.mem_limit)) yield `mem_limit ${service.mem_limit}`;
	for (const limit of ["cpus", "pids_limit"]) if (!(service[limit] > 0)) yield `no ${limit}`;
}

function* ofHealth(name, { healthcheck: { test, interval, timeout, retries } }) {
	if (!isDeepStrictEqual(test, healthOf(name))) yield `is asked for its health by ${JSON.stringify(test)}`;
	if (!(seconds(interval) <= 10 && seconds(timeout) <= 10 && retries >= 3)) yield "its health is asked for rarely, or once";
}

// What it writes to is a volume, or memory; what it reads from the tree is read only; what it opens is on loopback.
function* ofPlaces(name, service, file) {
	const volumes = (service.volumes ?? []).filter((volume) => !isFolder(volume)).map((volume) => volume.split(":"));
	if (!isDeepStrictEqual(volumes.map(([, path]) => path), WRITABLE[name] ?? [])) yield `its volumes are at ${volumes.map(([, path]) => path)}`;
	for (const [volume] of volumes) if (!(volume in (file.volumes ?? {}))) yield `there is no volume ${volume}`;
	for (const folder of (service.volumes ?? []).filter(isFolder)) {
		const [from, , mode] = folder.split(":");
		if (mode !== "ro") yield `${from} is writable`;
		if (!existsSync(at(from))) yield `there is no ${from}`;
	}
	if (!isDeepStrictEqual(service.tmpfs, TMPFS[name] ?? (name in IMAGES ? ["/tmp"] : undefined))) yield `tmpfs ${service.tmpfs}`;
	const port = HTTP_PORTS[name];
	const ports = port ? [`127.0.0.1:${port}:${port}`] : [];
	if (!isDeepStrictEqual(service.ports ?? [], ports)) yield `ports ${service.ports}, not ${ports}`;
	for (const secret of service.secrets ?? []) if (!existsSync(at(file.secrets?.[secret]?.file ?? "-"))) yield `there is no secret ${secret}`;
	if (!isDeepStrictEqual(service.profiles, PROFILES[name] && [PROFILES[name]])) yield `profiles ${service.profiles}`;
}

// Ours are built by one service each, since two that export one tag at a time fail, and never pulled: the name may be anybody's.
function* ofImage(name, { image, build, pull_policy: pull }) {
	const [, repository, tag] = image?.match(/^([^:]+):(.+)$/) ?? [];
	if (!/^\d+\.\d+\.\d+(-core)?$/.test(initial(tag ?? ""))) yield `image ${image} is not of one exact version`;
	const ours = name === "collector" ? "collector" : isProbe(name) ? "probe" : SHOP.includes(name) ? "shop" : null;
	const expected = ours ? `nstats/${ours}` : name === "grafana" ? "grafana/grafana" : "influxdb";
	if (repository !== expected) yield `image ${repository}, not ${expected}`;
	const target = BUILT_BY[name];
	if (!isDeepStrictEqual(build, target && { context: ".", target })) yield `build ${JSON.stringify(build)}`;
	if (ours && pull !== (target ? "build" : "never")) yield `pull_policy ${pull}`;
}

function* ofProbe(name, service, all) {
	const pod = name.slice("probe-".length);
	const { POD_NAME, NSTATS_COLLECTOR, NSTATS_CLUSTER, NSTATS_NAMESPACE, NSTATS_INTERVAL, ...more } = service.environment;
	if (service.network_mode !== `service:${pod}` || !(pod in all)) yield `is not in ${pod}'s network namespace`;
	if (POD_NAME !== pod || !NSTATS_CLUSTER || NSTATS_NAMESPACE !== "shop" || Object.keys(more).length) yield `does not know whose it is`;
	if (NSTATS_COLLECTOR !== "collector:4747" || initial(NSTATS_INTERVAL) !== "10") yield `reports to ${NSTATS_COLLECTOR} every ${NSTATS_INTERVAL}`;
	if (!isDeepStrictEqual(service.depends_on, { collector: { condition: "service_healthy" }, [pod]: { condition: "service_healthy" } }))
		yield `waits for ${JSON.stringify(service.depends_on)}`;
}

function* ofCollector({ environment: told, hostname, secrets }) {
	if (hostname !== "collector") yield "a container that is made again has another name in nstats_collector";
	if (told.NSTATS_SPOOL !== `${WRITABLE.collector}/nstats.db`) yield `its spool is ${told.NSTATS_SPOOL}`;
	if (told.NSTATS_HTTP !== `[::]:${HTTP_PORTS.collector}`) yield `nobody outside reaches ${told.NSTATS_HTTP}`;
	if (told.NSTATS_DB !== "nstats" || initial(told.NSTATS_INFLUX) !== `http://influxdb:${IMAGES.influxdb.port}`) yield `writes to ${told.NSTATS_INFLUX}`;
	for (const name of ["ORG", "BUCKET", "TOKEN_FILE"]) if (told[`NSTATS_${name}`] !== `\${NSTATS_${name}:-}`) yield `NSTATS_${name} cannot be told`;
	if (secrets?.join() !== "influx-token") yield "has no token";
	if (!/^\d+MiB$/.test(told.NSTATS_SPOOL_MAX)) yield `its spool may grow to ${told.NSTATS_SPOOL_MAX}`;
}

const OF_SERVICE = {
	collector: ofCollector,
	*influxdb2({ environment: told, user, secrets }) {
		const init = (name) => told[`DOCKER_INFLUXDB_INIT_${name}`];
		if (init("ORG") !== "nstats" || init("BUCKET") !== "nstats" || !init("USERNAME") || !init("PASSWORD")) yield "is set up for somebody else";
		if (init("ADMIN_TOKEN_FILE") !== `/run/secrets/${secrets?.join()}`) yield "its token is not the collector's";
		if (user !== "1000:1000") yield "is not its image's user";
	},
	*influxdb3({ command, volumes }) {
		const serve = ["influxdb3", "serve", "--node-id=nstats", "--object-store=file", `--data-dir=${volumes?.[0]?.split(":")[1]}`, "--without-auth"];
		if (!isDeepStrictEqual(command, serve)) yield `runs ${command}`;
	},
	*grafana({ environment: told, volumes }, { collector }) {
		if (told.NSTATS_INFLUX_URL !== collector.environment.NSTATS_INFLUX || told.NSTATS_INFLUX_AUTH !== "${NSTATS_INFLUX_AUTH:-}")
			yield "asks another InfluxDB than the collector writes to";
		for (const [from, to] of [["dashboards", GRAFANA_MOUNTS["nstats-grafana-dashboards"]], ["provisioning", "/etc/grafana/provisioning"]])
			if (!volumes?.includes(`./grafana/${from}:${to}:ro`)) yield `does not see grafana/${from}`;
	},
};

function* ofService(name, service, file) {
	yield* ofImage(name, service);
	yield* ofConfinement(name, service);
	yield* ofHealth(name, service);
	yield* ofPlaces(name, service, file);
	for (const key of TOO_NEW.service) if (key in service) yield `${key} is unknown to Compose 1.29`;
	for (const key of TOO_NEW.health) if (key in service.healthcheck) yield `${key} is unknown to Compose 1.29`;
	if (isProbe(name)) yield* ofProbe(name, service, file.services);
	else if (service.depends_on) yield `waits for ${Object.keys(service.depends_on)}: what it needs may be away`;
	if (SHOP.includes(name) && service.command?.join() !== name) yield `plays ${service.command}`;
	if (SHOP.includes(name)) yield* ofShop(service);
	if (name in IMAGES) yield* faultsOfTold(name, service.environment);
	yield* OF_SERVICE[name]?.(service, file.services) ?? [];
	const program = isProbe(name) ? "probe" : name;
	for (const variable of KNOWN[program] ? Object.keys(service.environment) : [])
		if (!KNOWN[program].includes(variable)) yield `nstats-${program} knows no ${variable}`;
}

function* ofShop({ environment: { CATALOG, PAYMENTS, SHOP_SPEED } }) {
	if (CATALOG !== "catalog:8081" || PAYMENTS !== "payments:8082" || initial(SHOP_SPEED) !== "1") yield "does not know the others";
}

export function* ofFile(file) {
	const expected = ["collector", ...Object.keys(IMAGES), ...SHOP, ...SHOP.map((pod) => `probe-${pod}`)].sort().join();
	const services = Object.keys(file.services ?? {}).sort().join();
	if (services !== expected) yield `the services are ${services}`;
	for (const key of TOO_NEW.top) if (key in file) yield `top-level ${key} is unknown to Compose 1.29`;
	for (const [name, service] of Object.entries(file.services ?? {})) for (const fault of ofService(name, service, file)) yield `${name}: ${fault}`;
	const used = Object.values(file.services).flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(":")[0]));
	for (const name of Object.keys(file.volumes ?? {})) if (!used.includes(name)) yield `nobody has the volume ${name}`;
}

// The README's probe for a service of one's own is ours, as far as it goes.
export function* ofSnippet(snippet, { services, networks }) {
	const ours = services["probe-catalog"];
	const { app, "probe-app": probe } = snippet.services;
	for (const key of ["cap_drop", "cap_add", "read_only", "security_opt"])
		if (!isDeepStrictEqual(probe[key], ours[key])) yield `${key} is ${probe[key]}, ours ${ours[key]}`;
	if (probe.image !== ours.image.replace(/\$\{.*:-(.*)\}/, "$1")) yield `the image is ${probe.image}`;
	if (probe.environment.NSTATS_COLLECTOR !== ours.environment.NSTATS_COLLECTOR) yield "another collector";
	if (probe.network_mode !== "service:app" || !probe.environment.POD_NAME || probe.depends_on.join() !== "app") yield "not the app's probe";
	if (networks || !app.networks.includes("nstats_default") || snippet.networks.nstats_default.external !== true) yield "not in the collector's network";
}
