/** What holds for the platform as a whole: its settings, its alarms and who is told of them, how long usage is kept. */
@NullMarked
package io.ashlar.platform;

import org.jspecify.annotations.NullMarked;
