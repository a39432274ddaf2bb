package io.ashlar.compute;

import org.jspecify.annotations.Nullable;

/** A projection: {@code y = w x + bias}. */
public record Linear(Matrix weights, @Nullable Vector bias) {
    public Linear {
        if (bias != null && bias.length() != weights.rows()) {
            throw new IllegalArgumentException(
                    "a bias of " + bias.length() + " does not go with " + weights.rows() + " rows");
        }
    }

    public int rows() {
        return weights.rows();
    }
}
