package io.ashlar.audit;

import java.time.Instant;
import java.util.Map;

/**
 * A row of the audit log.
 *
 * @param actor a member's login, {@code system}, or what else acted
 * @param origin the address that the request came from; empty where it came from the process itself
 * @param action what was done, such as {@code tenant.suspend}
 * @param subject what it was done to
 * @param before what no longer holds, by name
 * @param after what holds now, by name
 */
public record AuditEntry(
        long id,
        Instant at,
        String actor,
        String origin,
        String action,
        String subject,
        Map<String, String> before,
        Map<String, String> after) {}
