package io.ashlar.audit;

import java.time.Instant;
import java.util.Map;

/**
 * A row of the audit log.
 *
 * @param actor a member's login, {@code system}, or what else acted
 * @param action what was done, such as {@code tenant.suspend}
 * @param subject what it was done to
 */
public record AuditEntry(
        long id, Instant at, String actor, String action, String subject, Map<String, String> detail) {}
