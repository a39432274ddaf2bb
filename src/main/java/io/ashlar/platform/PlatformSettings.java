package io.ashlar.platform;

import io.ashlar.access.InvalidRequestException;
import java.net.URI;
import java.util.List;

/**
 * @param retentionDays how long rows of the ledger are kept; 0 for ever. Sums by day stay. At least a month and a day: what a
 *     process that ended had used of a monthly limit is found in these rows
 * @param webhooks addresses that are told of alarms
 */
public record PlatformSettings(Integer retentionDays, List<String> webhooks) {
    public static final PlatformSettings FIRST = new PlatformSettings(0, List.of());
    private static final int SHORTEST = 32;
    private static final int LONGEST = 3650;
    private static final int MOST_WEBHOOKS = 20;

    /** @throws InvalidRequestException naming what cannot be */
    void check() {
        if (retentionDays != 0 && (retentionDays < SHORTEST || retentionDays > LONGEST)) {
            throw new InvalidRequestException(
                    "retention_days",
                    "'retention_days' must be 0 (for ever), or from " + SHORTEST + " to " + LONGEST
                            + ": monthly limits are counted from these rows.");
        }
        if (webhooks.size() > MOST_WEBHOOKS) {
            throw new InvalidRequestException("webhooks", "There may be " + MOST_WEBHOOKS + " webhooks.");
        }
        for (String webhook : webhooks) {
            String scheme;
            try {
                scheme = URI.create(webhook).getScheme();
            } catch (IllegalArgumentException e) {
                scheme = null;
            }
            if (!"https".equals(scheme) && !"http".equals(scheme)) {
                throw new InvalidRequestException(
                        "webhooks", "A webhook is an address with https or http, not '" + webhook + "'.");
            }
        }
    }
}
