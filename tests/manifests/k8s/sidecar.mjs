// SPDX-License-Identifier: Apache-2.0
// What we promise of the sidecar: where it stands, and what it is.
import { isDeepStrictEqual } from "node:util";
import { amount } from "./quantities.mjs";
import { called, podSpec } from "./render.mjs";

const NAMED_BY = { POD_NAME: "metadata.name", POD_NAMESPACE: "metadata.namespace", NODE_NAME: "spec.nodeName" };
const CONFINED = {
	runAsUser: 0, runAsGroup: 0, runAsNonRoot: false, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true,
	capabilities: { drop: ["ALL"], add: ["NET_RAW"] }, seccompProfile: { type: "RuntimeDefault" },
};

// The container itself, which is the same in each form. What it costs is in k8s/README.md too.
export function* ofProbe({ name, image, imagePullPolicy, restartPolicy, env, resources, securityContext, terminationMessagePolicy, ...more }) {
	const names = Object.fromEntries(env.filter(({ valueFrom }) => valueFrom).map((one) => [one.name, one.valueFrom.fieldRef.fieldPath]));
	const [collector, ...others] = env.filter(({ valueFrom }) => !valueFrom);
	const expected = {
		"its name": name === "nstats-probe",
		"its image": /^nstats\/probe:\d+\.\d+\.\d+$/.test(image) && imagePullPolicy === "IfNotPresent",
		"it is a sidecar": restartPolicy === "Always",
		"it knows the pod": isDeepStrictEqual(names, NAMED_BY),
		"it knows the collector": collector?.name === "NSTATS_COLLECTOR" && collector.value === "nstats-collector.nstats.svc:4747" && !others.length,
		"it asks for little": amount(resources.requests.cpu) <= 0.005 && amount(resources.requests.memory) <= amount("8Mi"),
		"it is held to what it needs": amount(resources.limits.cpu) === 0.5 && amount(resources.limits.memory) === amount("32Mi"),
		"root without root's powers, but for one": isDeepStrictEqual(securityContext, CONFINED),
		"its last words": terminationMessagePolicy === "FallbackToLogsOnError",
		"nothing that could hold up the pod": !Object.keys(more).length,
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
