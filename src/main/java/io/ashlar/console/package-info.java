/** The console door: Vaadin views, one class a page. */
@NullMarked
package io.ashlar.console;

import org.jspecify.annotations.NullMarked;
