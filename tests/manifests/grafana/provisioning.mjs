// SPDX-License-Identifier: Apache-2.0
// Data source, provider, alert rules and kustomization, against the dashboards and each other.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import YAML from 'yaml';
import { query } from './queries.mjs';

const uid = 'nstats-influx';
// uid: [seconds looked back, reducer, operator, threshold, noDataState, for]
const pinned = {
	'nstats-nothing-arrives': [600, 'last', 'lt', 1, 'Alerting', '0s'],
	'nstats-coverage': [600, 'last', 'lt', 0.99, 'OK', '10m'],
	'nstats-spool-old': [3600, 'last', 'gt', 300, 'OK', '2m'],
	'nstats-spool-full': [3600, 'last', 'gt', 0.8, 'OK', '2m'],
	'nstats-kernel-drops': [600, 'last', 'gt', 0, 'OK', '0s'],
	'nstats-lost': [3600, 'last', 'gt', 0, 'OK', '0s'],
	'nstats-dropped': [3600, 'last', 'gt', 0, 'OK', '0s'],
};
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

// What decides whether a rule fires is as it was thought out; tests/e2e/test_dashboards.py holds these figures against data.
function decision(one) {
	const [asked, reduced, compared, ...more] = one.data;
	const { evaluator } = compared?.model?.conditions?.[0] ?? {};
	const found = [asked.relativeTimeRange?.from, reduced?.model?.reducer, evaluator?.type, ...(evaluator?.params ?? []),
		one.noDataState, one.for];
	const is = more.length === 0 && one.execErrState === 'Error' && asked.relativeTimeRange?.to === 0
		&& reduced?.model?.expression === 'A' && reduced.model.type === 'reduce' && reduced.model.settings?.mode === 'dropNN'
		&& compared?.model?.expression === 'B' && compared.model.type === 'threshold' && one.condition === 'C';
	const said = is ? [] : [`${one.uid}: it is not A, its last number (B), against a threshold (C), with execErrState Error`];
	const expected = pinned[one.uid] ?? [];
	return String(found) === String(expected) ? said : [...said, `${one.uid}: decides by ${found}, expected ${expected}`];
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
	said.push(...decision(one));
	want(one.annotations?.summary && one.annotations?.description, 'does not say what happened and what to do');
	for (const [, label] of (one.annotations?.summary ?? '').matchAll(/\$labels\.(\w+)/g)) {
		const grouped = asked.model.query.match(new RegExp(`GROUP BY [^()]*"${label}"[^()]*$`));
		want(grouped, `its summary names ${label}, by which it is not grouped`);
	}
	const board = boards.find((each) => each.uid === one.dashboardUid);
	const picture = board?.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]).some((panel) => panel.id === one.panelId && panel.type === 'timeseries');
	want(picture, `points to no picture: ${one.dashboardUid}, ${one.panelId}`);
	return said;
}

function rules({ alerts }, boards, known) {
	const list = alerts.groups.flatMap((group) => group.rules);
	const extra = Object.keys(alerts).filter((key) => !['apiVersion', 'groups'].includes(key));
	return [...extra.map((key) => `alerting forces ${key} on the user`),
		...Object.keys(pinned).filter((name) => !list.some((one) => one.uid === name)).map((name) => `there is no rule ${name}`),
		...list.flatMap((one) => rule(one, boards, known))];
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
