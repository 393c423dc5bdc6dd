// SPDX-License-Identifier: Apache-2.0
// The Pod Security Standards, as far as a Linux pod's specification can break them: which rules of baseline and restricted a
// pod breaks. https://kubernetes.io/docs/concepts/security/pod-security-standards/

// what baseline lets a container add
export const BASELINE_CAPABILITIES = ["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"];
const SYSCTLS = ["kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
	"net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];
const SELINUX_TYPES = [undefined, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
const VOLUMES = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

export const containers = (spec) => [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];

// the container's own, or the pod's
const either = (spec, container, field) => container.securityContext?.[field] ?? spec.securityContext?.[field];

function* confinement(where, context = {}) {
	if (context.seccompProfile?.type === "Unconfined") yield `${where}: seccomp Unconfined`;
	if (context.appArmorProfile?.type === "Unconfined") yield `${where}: AppArmor Unconfined`;
	const { type, user, role } = context.seLinuxOptions ?? {};
	if (!SELINUX_TYPES.includes(type) || user || role) yield `${where}: seLinuxOptions`;
	if (context.windowsOptions?.hostProcess) yield `${where}: hostProcess`;
}

export function* baseline(spec) {
	for (const field of ["hostNetwork", "hostPID", "hostIPC"]) if (spec[field]) yield `pod: ${field}`;
	for (const { name } of spec.securityContext?.sysctls ?? []) if (!SYSCTLS.includes(name)) yield `pod: sysctl ${name}`;
	for (const volume of spec.volumes ?? []) if (volume.hostPath) yield `volume ${volume.name}: hostPath`;
	yield* confinement("pod", spec.securityContext);
	for (const container of containers(spec)) {
		const { name, ports, securityContext } = container;
		if (securityContext?.privileged) yield `${name}: privileged`;
		for (const added of securityContext?.capabilities?.add ?? []) if (!BASELINE_CAPABILITIES.includes(added)) yield `${name}: adds ${added}`;
		if (ports?.some(({ hostPort }) => hostPort)) yield `${name}: hostPort`;
		if (![undefined, "Default"].includes(securityContext?.procMount)) yield `${name}: procMount`;
		for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"])
			if (container[probe]?.httpGet?.host || container[probe]?.tcpSocket?.host) yield `${name}: ${probe} asks another host`;
		yield* confinement(name, securityContext);
	}
}

export function* restricted(spec) {
	yield* baseline(spec);
	for (const { name, ...volume } of spec.volumes ?? [])
		for (const type of Object.keys(volume)) if (!VOLUMES.includes(type)) yield `volume ${name}: ${type}`;
	for (const container of containers(spec)) {
		const { name, securityContext = {} } = container;
		if (securityContext.allowPrivilegeEscalation !== false) yield `${name}: may gain privileges`;
		if (either(spec, container, "runAsNonRoot") !== true) yield `${name}: may run as root`;
		if (either(spec, container, "runAsUser") === 0) yield `${name}: runs as root`;
		if (!["RuntimeDefault", "Localhost"].includes(either(spec, container, "seccompProfile")?.type)) yield `${name}: no seccomp profile`;
		if (!securityContext.capabilities?.drop?.includes("ALL")) yield `${name}: does not drop ALL`;
		for (const added of securityContext.capabilities?.add ?? [])
			if (added !== "NET_BIND_SERVICE" && BASELINE_CAPABILITIES.includes(added)) yield `${name}: adds ${added}`;
	}
}
