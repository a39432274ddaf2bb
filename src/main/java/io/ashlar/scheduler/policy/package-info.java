/** Orders in which jobs are served: the joined one, and the single ones that it is made of. */
@NullMarked
package io.ashlar.scheduler.policy;

import org.jspecify.annotations.NullMarked;
