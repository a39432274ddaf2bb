package io.ashlar.catalog;

import java.time.Instant;

/**
 * A model that should be serving, under a name of its own.
 *
 * @param sharesPrefixes whether tenants may find each other's cached prefixes
 */
public record Deployment(String name, String model, boolean sharesPrefixes, Instant createdAt) {}
