/** Records as documents: JSON and YAML to records and back, and their schemas. What does not fit is told with its field. */
@NullMarked
package io.ashlar.document;

import org.jspecify.annotations.NullMarked;
