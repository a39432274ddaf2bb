/** PostgreSQL: the embedded server, migrations, and the feed of changes that keeps caches true. */
@NullMarked
package io.ashlar.database;

import org.jspecify.annotations.NullMarked;
