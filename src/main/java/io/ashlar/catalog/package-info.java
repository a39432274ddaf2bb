/** What should exist: models, adapters, deployments, upstreams and grants, in the database. */
@NullMarked
package io.ashlar.catalog;

import org.jspecify.annotations.NullMarked;
