// SPDX-License-Identifier: Apache-2.0
// Manifests as objects: rendered by kubectl, or read from a file.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments, stringify } from "yaml";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const kubectl = (...args) => execFileSync("kubectl", args, { encoding: "utf8", timeout: 60_000, stdio: ["ignore", "pipe", "pipe"] });

// Why kubectl cannot render, or null. Native sidecars and components need what came with 1.28.
export function kubectlIsMissing() {
	try {
		const { minor } = JSON.parse(kubectl("version", "--client", "-o", "json")).clientVersion;
		return Number.parseInt(minor, 10) >= 28 ? null : `kubectl 1.${minor} is older than 1.28`;
	} catch {
		return "kubectl is missing";
	}
}

// A key twice is a mistake, which the parser must not swallow.
export function documents(text) {
	return parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
		if (document.errors.length) throw document.errors[0];
		return document.toJS();
	}).filter(Boolean);
}

export const readText = (path) => readFileSync(join(root, path), "utf8");
export const readObjects = (path) => documents(readText(path));
export const render = (path) => documents(kubectl("kustomize", join(root, path)));

function inFolder(use) {
	const folder = mkdtempSync(join(realpathSync(tmpdir()), "nstats-k8s-"));
	try {
		return use(folder);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

const merged = new Map(); // kubectl takes half a second

// A strategic merge patch as kustomize merges it, which is the library that Kyverno uses as well.
export function patched(object, patch) {
	const key = JSON.stringify([object, patch]);
	if (!merged.has(key)) merged.set(key, inFolder((folder) => merge(folder, object, patch)));
	return merged.get(key);
}

function merge(folder, object, patch) {
	const { apiVersion, kind, metadata } = object;
	writeFileSync(join(folder, "object.yaml"), stringify(object));
	writeFileSync(join(folder, "patch.yaml"), stringify({ apiVersion, kind, metadata: { name: metadata.name }, ...patch }));
	writeFileSync(join(folder, "kustomization.yaml"), stringify({ resources: ["object.yaml"], patches: [{ path: "patch.yaml" }] }));
	return documents(kubectl("kustomize", folder))[0];
}

// What a comment says is yours, done: a copy of the folder somewhere else, with those lines of its kustomization in force.
export function renderYours(path) {
	return inFolder((folder) => {
		cpSync(join(root, path), folder, { recursive: true });
		const text = readText(join(path, "kustomization.yaml"));
		const inForce = text.replace(/^# ((?:images|patches|components):.*\n(?:#  .*\n?)+)/gm, (_, block) => block.replace(/^# ?/gm, ""));
		if (inForce === text) throw new Error(`${path}: nothing is yours`);
		writeFileSync(join(folder, "kustomization.yaml"), inForce.replaceAll("../../", `${relative(folder, join(root, "k8s"))}/`));
		return documents(kubectl("kustomize", folder));
	});
}

// The pod that a workload makes, or null: its spec, as a reference into the object.
export function podSpec({ kind, spec }) {
	if (kind === "Pod") return spec;
	if (kind === "CronJob") return spec.jobTemplate.spec.template.spec;
	return spec?.template?.spec ?? null;
}

export const podLabels = ({ kind, metadata, spec }) =>
	(kind === "Pod" ? metadata.labels : kind === "CronJob" ? spec.jobTemplate.spec.template.metadata?.labels : spec.template.metadata?.labels) ?? {};

export const called = ({ kind, metadata }) => `${kind}/${metadata?.name}`;
