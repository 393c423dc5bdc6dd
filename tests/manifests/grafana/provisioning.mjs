// SPDX-License-Identifier: Apache-2.0
// Data source, provider, alert rules and kustomization, against the dashboards and each other.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import YAML from 'yaml';
import { query } from './queries.mjs';

const uid = 'nstats-influx';
const nothing = { variables: new Set(), splits: [] };

export function load(folder) {
	const file = (path) => YAML.parse(readFileSync(`${folder}/${path}`, 'utf8'));
	return {
		sources: file('provisioning/datasources/nstats.yaml'),
		providers: file('provisioning/dashboards/nstats.yaml'),
		alerts: file('provisioning/alerting/nstats.yaml'),
		kustomization: file('kustomization.yaml'),
	};
}

function source({ sources }) {
	const said = [];
	const [one, ...more] = sources.datasources;
	const want = (is, text) => is || said.push(`data source: ${text}`);
	want(more.length === 0 && one.uid === uid && one.type === 'influxdb', `not just ${uid}`);
	const is = one.access === 'proxy' && one.jsonData.version === 'InfluxQL' && one.jsonData.httpMode === 'POST';
	want(is, 'not InfluxQL by POST through Grafana');
	want(one.jsonData.dbName === 'nstats', 'the database is not nstats');
	want(one.url === '$NSTATS_INFLUX_URL', 'its address is not NSTATS_INFLUX_URL');
	want(one.jsonData.httpHeaderName1 === 'Authorization', 'no header Authorization');
	want(one.secureJsonData.httpHeaderValue1 === '$NSTATS_INFLUX_AUTH', 'Authorization is not NSTATS_INFLUX_AUTH');
	return said;
}

function provider({ providers }) {
	const [one] = providers.providers;
	const is = one.type === 'file' && one.options.path === '/var/lib/grafana/dashboards';
	return is ? [] : ['the provider reads another folder'];
}

function rule(one, boards, known) {
	const said = [];
	const want = (is, text) => is || said.push(`${one.uid}: ${text}`);
	const [asked, ...expressions] = one.data;
	want(/^nstats-[a-z-]+$/.test(one.uid) && one.uid.length <= 40, 'not a uid of ours');
	want(asked.datasourceUid === uid, `asks ${asked.datasourceUid}`);
	want(asked.relativeTimeRange?.from > 0, 'has no range');
	want(asked.model?.rawQuery === true && asked.model.resultFormat === 'time_series', 'does not ask for time series');
	query(asked.model?.query ?? '', known, nothing).forEach((text) => said.push(`${one.uid}: ${text}`));
	const refs = one.data.map((step) => step.refId);
	want(refs.includes(one.condition) && new Set(refs).size === refs.length, 'its condition is none of its steps');
	for (const { datasourceUid, model, refId } of expressions) {
		want(datasourceUid === '__expr__' && ['reduce', 'threshold'].includes(model.type), `${refId} is no expression`);
		const before = refs.slice(0, refs.indexOf(refId));
		want(before.includes(model.expression), `${refId} is about no step before it`);
	}
	want(one.data.every((step) => step.refId === step.model.refId), 'refId and model differ');
	want(['Alerting', 'OK', 'NoData'].includes(one.noDataState), 'its noDataState is unknown to Grafana');
	want(['Error', 'Alerting', 'OK'].includes(one.execErrState), 'its execErrState is unknown to Grafana');
	want(/^\d+[smh]$/.test(one.for), 'has no "for"');
	want(one.annotations?.summary && one.annotations?.description, 'does not say what happened and what to do');
	for (const [, label] of (one.annotations?.summary ?? '').matchAll(/\$labels\.(\w+)/g)) {
		const grouped = asked.model.query.match(new RegExp(`GROUP BY [^()]*"${label}"[^()]*$`));
		want(grouped, `its summary names ${label}, by which it is not grouped`);
	}
	const board = boards.find((each) => each.uid === one.dashboardUid);
	const picture = board?.panels.some((panel) => panel.id === one.panelId && panel.type === 'timeseries');
	want(picture, `points to no picture: ${one.dashboardUid}, ${one.panelId}`);
	return said;
}

function rules({ alerts }, boards, known) {
	const list = alerts.groups.flatMap((group) => group.rules);
	const extra = Object.keys(alerts).filter((key) => !['apiVersion', 'groups'].includes(key));
	return [...extra.map((key) => `alerting forces ${key} on the user`),
		...(list.length < 4 ? ['there are too few rules'] : []), ...list.flatMap((one) => rule(one, boards, known))];
}

function kustomization({ kustomization: one }, folder) {
	const listed = one.configMapGenerator.flatMap((map) => map.files).sort();
	const there = ['dashboards', 'provisioning/alerting', 'provisioning/dashboards', 'provisioning/datasources']
		.flatMap((name) => readdirSync(`${folder}/${name}`).map((file) => `${name}/${file}`)).sort();
	const said = there.filter((file) => !listed.includes(file)).map((file) => `kustomization.yaml leaves out ${file}`);
	const gone = listed.filter((file) => !existsSync(`${folder}/${file}`));
	said.push(...gone.map((file) => `kustomization.yaml names ${file}, which is not there`));
	return one.generatorOptions?.disableNameSuffixHash === true ? said : [...said, 'the names of the ConfigMaps are not stable'];
}

export function complaints(files, boards, known, folder) {
	return [...source(files), ...provider(files), ...rules(files, boards, known), ...kustomization(files, folder)];
}
