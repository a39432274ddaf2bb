/** Deployments running: loading chains from the zoo onto engines, finding them by name, importing models. */
@NullMarked
package io.ashlar.serving;

import org.jspecify.annotations.NullMarked;
