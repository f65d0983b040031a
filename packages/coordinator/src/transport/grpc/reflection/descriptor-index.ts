/** Finds file descriptors by what stands in them. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import type { FileDescriptor } from '@tercet/proto/descriptors';

interface IndexedFile {
  readonly bytes: Uint8Array;
  readonly imports: readonly string[];
}

/** All names of a set of files. Names are full and without a leading dot: `tercet.v1.Coordinator.Commit`. */
export class DescriptorIndex {
  private readonly files = new Map<string, IndexedFile>();
  private readonly fileOfSymbol = new Map<string, string>();
  /** By extended type: the file of each number. */
  private readonly extensions = new Map<string, Map<number, string>>();

  constructor(descriptors: readonly FileDescriptor[]) {
    for (const { name, bytes } of descriptors) {
      const file = fromBinary(FileDescriptorProtoSchema, bytes);
      this.files.set(name, { bytes, imports: file.dependency });
      this.addFile(file);
    }
  }

  /** The file, then everything that it imports, each after its own imports; undefined = no such file. */
  file(name: string): Uint8Array[] | undefined {
    const found = this.files.get(name);
    if (found === undefined) return undefined;
    const imported = new Set<string>();
    for (const each of found.imports) this.collect(each, imported);
    return [name, ...imported].flatMap((each) => this.files.get(each)?.bytes ?? []);
  }

  /** The file that declares a service, a method, a message, a field, an enum or one of its values. */
  fileOf(symbol: string): Uint8Array[] | undefined {
    return this.file(this.fileOfSymbol.get(symbol) ?? '');
  }

  /** The file that extends a message with that field number. */
  fileOfExtension(type: string, number: number): Uint8Array[] | undefined {
    return this.file(this.extensions.get(type)?.get(number) ?? '');
  }

  /** Field numbers by which a known message is extended; undefined = no such message. */
  extensionNumbers(type: string): number[] | undefined {
    const numbers = this.extensions.get(type);
    if (numbers !== undefined) return [...numbers.keys()].sort((a, b) => a - b);
    return this.fileOfSymbol.has(type) ? [] : undefined;
  }

  private collect(name: string, into: Set<string>): void {
    if (into.has(name)) return;
    for (const each of this.files.get(name)?.imports ?? []) this.collect(each, into);
    into.add(name);
  }

  private addFile(file: FileDescriptorProto): void {
    const names = new FileNames(file.package, (symbol) => this.fileOfSymbol.set(symbol, file.name));
    for (const service of file.service) {
      names.add(names.root, service.name);
      for (const method of service.method) names.add(names.inRoot(service.name), method.name);
    }
    for (const each of file.enumType) names.addEnum(names.root, each);
    for (const extension of file.extension) this.addExtension(file.name, extension);
    for (const extension of file.extension) names.add(names.root, extension.name);
    for (const message of file.messageType) {
      for (const extension of names.addMessage(names.root, message)) {
        this.addExtension(file.name, extension);
      }
    }
  }

  private addExtension(file: string, { extendee, number }: FieldDescriptorProto): void {
    const type = extendee.replace(/^\./, '');
    const numbers = this.extensions.get(type) ?? new Map<number, string>();
    this.extensions.set(type, numbers.set(number, file));
  }
}

/** Tells the full name of everything in a file. */
class FileNames {
  constructor(
    readonly root: string,
    private readonly found: (symbol: string) => void,
  ) {}

  inRoot(name: string): string {
    return this.root === '' ? name : `${this.root}.${name}`;
  }

  add(scope: string, name: string): string {
    const symbol = scope === '' ? name : `${scope}.${name}`;
    this.found(symbol);
    return symbol;
  }

  /** A value stands beside its enum, not in it. */
  addEnum(scope: string, { name, value }: EnumDescriptorProto): void {
    this.add(scope, name);
    for (const each of value) this.add(scope, each.name);
  }

  /** Answers the extensions that are declared in the message. */
  addMessage(scope: string, message: DescriptorProto): FieldDescriptorProto[] {
    const symbol = this.add(scope, message.name);
    for (const { name } of [...message.field, ...message.oneofDecl, ...message.extension]) {
      this.add(symbol, name);
    }
    for (const each of message.enumType) this.addEnum(symbol, each);
    const nested = message.nestedType.flatMap((each) => this.addMessage(symbol, each));
    return [...message.extension, ...nested];
  }
}
