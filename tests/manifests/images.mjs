// SPDX-License-Identifier: Apache-2.0
// What the images of others are documented to do, as far as the compose file and the demo on Kubernetes rely on it: where they
// listen, what they answer to a health check, what they write to, and what makes Grafana an open, read-only window.
const MOUNTED = "/etc/grafana/provisioning";

export const IMAGES = {
	influxdb: { port: 8086, health: "/ping", data: ["/var/lib/influxdb"] },
	influxdb2: { port: 8086, health: "/health", data: ["/var/lib/influxdb2", "/etc/influxdb2"] },
	influxdb3: { port: 8181, health: "/health", data: ["/var/lib/influxdb3"] },
	grafana: { port: 3000, health: "/api/health", data: ["/var/lib/grafana"] },
};
export const TOLD = {
	influxdb: { INFLUXDB_DB: "nstats", INFLUXDB_HTTP_AUTH_ENABLED: "false", INFLUXDB_REPORTING_DISABLED: "true", INFLUXDB_HTTP_LOG_ENABLED: "false" },
	influxdb2: { DOCKER_INFLUXDB_INIT_MODE: "setup", INFLUXD_REPORTING_DISABLED: "true" },
	influxdb3: { INFLUXDB3_TELEMETRY_DISABLE_UPLOAD: "true" },
	grafana: {
		GF_AUTH_ANONYMOUS_ENABLED: "true", GF_AUTH_ANONYMOUS_ORG_ROLE: "Viewer", GF_AUTH_BASIC_ENABLED: "false",
		GF_AUTH_DISABLE_LOGIN_FORM: "true", GF_ANALYTICS_REPORTING_ENABLED: "false", GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
		GF_LOG_MODE: "console", GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: "/var/lib/grafana/dashboards/overview.json",
	},
};
// the ConfigMaps of grafana/kustomization.yaml, and where Grafana looks for what is in them
export const GRAFANA_MOUNTS = {
	"nstats-grafana-dashboards": "/var/lib/grafana/dashboards",
	"nstats-grafana-datasources": `${MOUNTED}/datasources`,
	"nstats-grafana-providers": `${MOUNTED}/dashboards`,
	"nstats-grafana-alerting": `${MOUNTED}/alerting`,
};

export function* faultsOfTold(service, environment) {
	for (const [name, value] of Object.entries(TOLD[service]))
		if (String(environment[name]) !== value) yield `${name} is ${environment[name]}, not ${value}`;
}
