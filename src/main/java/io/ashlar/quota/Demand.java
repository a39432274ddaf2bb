package io.ashlar.quota;

import io.ashlar.identity.Caller;
import java.time.Instant;

/**
 * What a request may use at most.
 *
 * @param model the deployment
 * @param prompt tokens
 * @param most tokens of all its answers together
 * @param predicted the same, as predicted; for limits that are overbooked
 */
public record Demand(Caller caller, String model, int prompt, int most, int predicted, Instant at) {}
