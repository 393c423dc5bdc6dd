// SPDX-License-Identifier: Apache-2.0
// What @grafana/schema says of a dashboard, as plain JSON (its enums as their values), and with what it leaves open: each
// panel type's own options and field configuration, overrides, transformations, data links, InfluxQL targets. types.mjs
// compiles each dashboard against this; an unknown field is an error.
import type * as schema from './schema/index';
import type * as board from './schema/raw/dashboard/x/types.gen';
import type * as bargauge from './schema/raw/composable/bargauge/panelcfg/x/types.gen';
import type * as piechart from './schema/raw/composable/piechart/panelcfg/x/types.gen';
import type * as stat from './schema/raw/composable/stat/panelcfg/x/types.gen';
import type * as table from './schema/raw/composable/table/panelcfg/x/types.gen';
import type * as timeseries from './schema/raw/composable/timeseries/panelcfg/x/types.gen';

type Json<T> = 0 extends 1 & T ? T
	: T extends string ? (string extends T ? string : `${T}`)
	: T extends number ? (number extends T ? number : `${T}` extends `${infer N extends number}` ? N : never)
	: T extends boolean | null | undefined ? T
	: T extends readonly (infer U)[] ? Json<U>[]
	: T extends object ? { [K in keyof T]: Json<T[K]> }
	: T;

interface DataSource {
	type: 'influxdb';
	uid: '${datasource}';
}

interface Target {
	refId: string;
	datasource: DataSource;
	rawQuery: true;
	query: string;
	resultFormat: 'time_series' | 'table';
	alias?: string;
}

interface DataLink {
	title: string;
	url: string;
	targetBlank?: boolean;
}

type Transformation =
	| { id: 'organize'; options: { excludeByName: Record<string, boolean>; indexByName: Record<string, number>; renameByName: Record<string, string> } }
	| { id: 'groupingToMatrix'; options: { rowField: string; columnField: string; valueField: string; emptyValue: 'null' | 'zero' | 'empty' } }
	| { id: 'joinByLabels'; options: { value: string; join: string[] } }
	| { id: 'prepareTimeSeries'; options: { format: 'multi' } };

type Standard = Omit<board.FieldConfig, 'custom' | 'links'> & { links?: DataLink[] };
type Property<C> =
	| { [K in keyof Standard]-?: { id: K; value: Json<Standard[K]> } }[keyof Standard]
	| { [K in keyof C & string]-?: { id: `custom.${K}`; value: Json<C[K]> } }[keyof C & string];

interface Override<C> {
	matcher: { id: 'byName' | 'byRegexp' | 'byFrameRefID'; options: string };
	properties: Property<C>[];
}

interface Panel<T extends string, O, C> extends Omit<Json<board.Panel>,
	'datasource' | 'description' | 'fieldConfig' | 'gridPos' | 'id' | 'links' | 'options' | 'targets' | 'title' | 'transformations' | 'type'> {
	type: T;
	id: number;
	title: string;
	description: string;
	gridPos: Json<board.GridPos>;
	datasource: DataSource;
	targets: Target[];
	options: Json<O>;
	fieldConfig: { defaults: Json<Standard> & { unit: string; custom?: Json<C> }; overrides: Override<C>[] };
	transformations?: Transformation[];
}

export type BargaugePanel = Panel<'bargauge', bargauge.Options, object>;
export type PiechartPanel = Panel<'piechart', piechart.Options, piechart.FieldConfig>;
export type StatPanel = Panel<'stat', stat.Options, object>;
export type TablePanel = Panel<'table', table.Options, table.FieldConfig>;
export type TimeseriesPanel = Panel<'timeseries', timeseries.Options, timeseries.FieldConfig>;
export type Row = Omit<Json<board.RowPanel>, 'panels'> & { panels: [] };
export type Variable = Omit<Json<board.VariableModel>, 'datasource'> & { datasource?: DataSource };
export type Frame = Omit<Json<board.Dashboard>, 'panels' | 'templating' | 'annotations'> & {
	uid: string;
	id: null;
	title: string;
	annotations: { list: [] };
};
