/** Tenants, projects, API keys and members; how a caller is known. */
@NullMarked
package io.ashlar.identity;

import org.jspecify.annotations.NullMarked;
