/**
 * Deployments running: loading chains from the zoo onto engines, asking upstreams, finding both by name; importing models; what
 * happened to requests of late.
 */
@NullMarked
package io.ashlar.serving;

import org.jspecify.annotations.NullMarked;
