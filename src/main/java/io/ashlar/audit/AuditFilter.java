package io.ashlar.audit;

/**
 * Which rows are asked for; an empty word asks for all.
 *
 * @param actor exactly
 * @param action the beginning, such as {@code tenant.}
 * @param subject a part
 */
public record AuditFilter(String actor, String action, String subject) {
    public static final AuditFilter ALL = new AuditFilter("", "", "");
}
