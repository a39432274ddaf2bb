package io.ashlar.compute;

/** Where the rows of a step find their keys and values in one layer. */
public record KeyValues(PageTables tables, PageLayout layout, int layer) {}
