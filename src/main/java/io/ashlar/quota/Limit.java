package io.ashlar.quota;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A bound on what a tenant, one of its projects or one of its keys may use.
 *
 * @param project null where it is not a project's
 * @param key null where it is not a key's
 * @param subject the name of whom it bounds
 * @param model the deployment that it is for; null for all together
 * @param amount in tokens, requests, or millionths of the currency
 * @param warnPercent where warnings begin, rising
 * @param overbooks whether a predicted length is reserved instead of the longest
 */
public record Limit(
        UUID id,
        UUID tenant,
        @Nullable UUID project,
        @Nullable UUID key,
        String subject,
        @Nullable String model,
        LimitKind kind,
        long amount,
        List<Integer> warnPercent,
        boolean overbooks) {
    /** Whose it is. */
    public enum Level {
        TENANT,
        PROJECT,
        KEY
    }

    public Level level() {
        return key != null ? Level.KEY : project != null ? Level.PROJECT : Level.TENANT;
    }

    boolean appliesTo(UUID itsProject, UUID itsKey, String itsModel) {
        return (project == null || project.equals(itsProject))
                && (key == null || key.equals(itsKey))
                && (model == null || model.equals(itsModel));
    }

    /** The amount in the units that are counted. */
    long units() {
        return amount * kind.unitsOf();
    }

    /** Such as {@code 100 requests per minute of the key 'ci' for the model 'demo-base'}. */
    public String words() {
        String whose = switch (level()) {
            case TENANT -> "the tenant '";
            case PROJECT -> "the project '";
            case KEY -> "the key '";
        };
        return amount + " " + kind.words() + " of " + whose + subject + "'"
                + (model == null ? "" : " for the model '" + model + "'");
    }
}
